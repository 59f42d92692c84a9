/// A bounds-checked view on bytes that somebody else owns.
///
/// Valid only during the call it is passed to: the owner may reuse or free the memory as soon as
/// that call returns, so a view is never stored, and what must live longer is copied. It is not
/// `Sendable` for the same reason. Every access outside the bounds traps.
@safe
@frozen
public struct ByteView {
    /// The first byte; not to be read when `count` is 0.
    public let base: UnsafeRawPointer
    /// The number of bytes.
    public let count: Int

    /// Views `count` bytes from `base`, which the caller keeps alive and unchanged meanwhile.
    @unsafe
    @inlinable
    @inline(__always)
    public init(base: UnsafeRawPointer, count: Int) {
        precondition(count >= 0, "a view cannot have a negative size")
        unsafe self.base = base
        self.count = count
    }

    /// A view on no bytes at all.
    @inlinable
    public static var empty: ByteView {
        // Address 1 is never read, because every access is checked against the count.
        unsafe ByteView(base: UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped, count: 0)
    }

    /// Calls `body` with a view on `bytes`, valid until `body` returns.
    @inlinable
    public static func with<Result, Failure: Error>(
        _ bytes: [UInt8],
        _ body: (ByteView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe bytes.withUnsafeBufferPointer { buffer throws(Failure) -> Result in
            guard let base = buffer.baseAddress else { return try body(.empty) }
            return try body(unsafe ByteView(base: UnsafeRawPointer(base), count: buffer.count))
        }
    }

    /// Whether there is no byte in the view.
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// The byte at `offset`.
    @inlinable
    @inline(__always)
    public subscript(offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < count, "offset outside the view")
        return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    }

    /// The big-endian integer of 2 octets at `offset`.
    @inlinable
    @inline(__always)
    public func loadUInt16(at offset: Int) -> UInt16 {
        precondition(offset >= 0 && offset <= count - 2, "offset outside the view")
        return unsafe UInt16(
            bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
        )
    }

    /// The big-endian integer of 4 octets at `offset`.
    @inlinable
    @inline(__always)
    public func loadUInt32(at offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset <= count - 4, "offset outside the view")
        return unsafe UInt32(
            bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        )
    }

    /// The big-endian integer of 8 octets at `offset`.
    @inlinable
    @inline(__always)
    public func loadUInt64(at offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset <= count - 8, "offset outside the view")
        return unsafe UInt64(
            bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        )
    }

    /// A view on `count` bytes from `offset`, under the same terms as this one.
    @inlinable
    @inline(__always)
    public func slice(from offset: Int, count: Int) -> ByteView {
        precondition(
            offset >= 0 && count >= 0 && offset <= self.count - count,
            "slice outside the view"
        )
        return unsafe ByteView(base: base + offset, count: count)
    }

    /// A copy of the bytes.
    @inlinable
    public var bytes: [UInt8] {
        unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: count))
    }

    /// The bytes as text, with U+FFFD in place of what is not UTF-8.
    public var string: String {
        unsafe String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
    }

    /// Whether the bytes are well-formed UTF-8.
    public var isUTF8: Bool {
        var offset = 0
        while offset < count, self[offset] < 0x80 { offset += 1 }
        if offset == count { return true }
        let rest = slice(from: offset, count: count - offset)
        let buffer = unsafe UnsafeRawBufferPointer(start: rest.base, count: rest.count)
        return unsafe String(validating: buffer, as: UTF8.self) != nil
    }

    /// Whether both views show the same bytes.
    @inlinable
    public static func == (left: ByteView, right: ByteView) -> Bool {
        guard left.count == right.count else { return false }
        var offset = 0
        while offset <= left.count - 8 {
            let same =
                unsafe left.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                == right.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if !same { return false }
            offset += 8
        }
        while offset < left.count {
            if left[offset] != right[offset] { return false }
            offset += 1
        }
        return true
    }

    /// Whether the views differ in size or in any byte.
    @inlinable
    public static func != (left: ByteView, right: ByteView) -> Bool { !(left == right) }

    /// Whether the view shows exactly `right`.
    @inlinable
    public static func == (left: ByteView, right: [UInt8]) -> Bool {
        ByteView.with(right) { left == $0 }
    }

    /// Whether the view shows anything but `right`.
    @inlinable
    public static func != (left: ByteView, right: [UInt8]) -> Bool { !(left == right) }
}

@available(*, unavailable)
extension ByteView: Sendable {}
