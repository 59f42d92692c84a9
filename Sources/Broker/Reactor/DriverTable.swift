/// A reactor's connections by the slot in their poll token.
///
/// Slots are used again; the registration number tells an event for the one before.
struct DriverTable {
    private var slots: [ConnectionDriver?] = []
    private var free: [UInt32] = []
    private var nextRegistration: UInt32 = 0
    private(set) var count = 0

    /// A token nobody has had before in this slot.
    mutating func makeToken() -> PollToken {
        nextRegistration &+= 1
        if nextRegistration == UInt32.max { nextRegistration = 1 }
        if let slot = free.popLast() {
            return PollToken(slot: slot, registration: nextRegistration)
        }
        slots.append(nil)
        return PollToken(slot: UInt32(slots.count - 1), registration: nextRegistration)
    }

    mutating func insert(_ driver: ConnectionDriver) {
        slots[Int(driver.token.slot)] = driver
        count += 1
    }

    mutating func remove(_ driver: ConnectionDriver) {
        guard self[driver.token] === driver else { return }
        slots[Int(driver.token.slot)] = nil
        free.append(driver.token.slot)
        count -= 1
    }

    /// Gives back a token whose socket could not be registered.
    mutating func discard(_ token: PollToken) { free.append(token.slot) }

    subscript(token: PollToken) -> ConnectionDriver? {
        guard Int(token.slot) < slots.count, let driver = slots[Int(token.slot)],
            driver.token.registration == token.registration
        else { return nil }
        return driver
    }

    /// Calls `body` with every driver there is now; `body` may remove some.
    func forEach(_ body: (ConnectionDriver) -> Void) {
        for driver in slots { if let driver { body(driver) } }
    }
}
