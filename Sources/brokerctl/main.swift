import Glibc

Console.reserveStandardDescriptors()
// A reader that goes away is reported where the write fails, not by a signal.
signal(SIGPIPE, SIG_IGN)
let exitCode = await Program.run(Array(CommandLine.arguments.dropFirst()))
exit(exitCode.rawValue)
