// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected): one C function per way to compute it.
//
// Each takes and returns the finished checksum, so pieces chain: crc(crc(0, a), b) = crc(0, a|b).
// The caller asks once whether the processor helps and remembers it: the question is a cpuid,
// which traps in virtual machines.
#ifndef CLINUX_CRC32C_H
#define CLINUX_CRC32C_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// No <cpuid.h> and no <arm_acle.h>: their module drags in a second, different set of C headers.
#if defined(__aarch64__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

// For processors without a CRC instruction: four bits at a time, a table of 64 octets.
static inline uint32_t clinux_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362,
        0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab,
        0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *next = (const uint8_t *)bytes;
    crc = ~crc;
    while (length--) {
        crc ^= *next++;
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)

static inline int clinux_crc32c_in_hardware(void) {
    uint32_t eax = 1, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    const uint32_t needed = 1u << 20 | 1u << 1;  // SSE4.2 and PCLMULQDQ
    return (ecx & needed) == needed;
}

// Checksums of three stretches side by side, put together: the instruction can begin every cycle,
// but takes three to end, and one checksum would wait for each.
//
// The state before it, `state`, counts as the beginning of the first. Putting one before so many
// octets multiplies it by a power of x modulo the polynomial: the constants are x^(8n - 33),
// reflected, for n = 512 and 256, as the product comes out one bit low and the checksum of eight
// octets multiplies by x^32.
__attribute__((target("sse4.2,pclmul"))) static inline uint64_t clinux_crc32c_three_by_256(
    uint64_t state, const uint8_t *bytes
) {
    typedef long long pair __attribute__((vector_size(16)));
    uint64_t second = 0, third = 0;
    for (size_t offset = 0; offset < 256; offset += 8) {
        uint64_t words[3];
        memcpy(&words[0], bytes + offset, 8);
        memcpy(&words[1], bytes + offset + 256, 8);
        memcpy(&words[2], bytes + offset + 512, 8);
        state = __builtin_ia32_crc32di(state, words[0]);
        second = __builtin_ia32_crc32di(second, words[1]);
        third = __builtin_ia32_crc32di(third, words[2]);
    }
    const pair moved = __builtin_ia32_pclmulqdq128((pair){(long long)state, 0}, (pair){0xdd7e3b0c, 0}, 0)
        ^ __builtin_ia32_pclmulqdq128((pair){(long long)second, 0}, (pair){0xb9e02b86, 0}, 0);
    return __builtin_ia32_crc32di(0, (uint64_t)moved[0]) ^ third;
}

__attribute__((target("sse4.2,pclmul"))) static inline uint32_t clinux_crc32c_hardware(
    uint32_t crc, const void *bytes, size_t length
) {
    const uint8_t *next = (const uint8_t *)bytes;
    uint64_t state = (uint32_t)~crc;
    for (; length >= 768; length -= 768, next += 768) {
        state = clinux_crc32c_three_by_256(state, next);
    }
    for (; length >= 8; length -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        state = __builtin_ia32_crc32di(state, word);
    }
    for (; length; length--, next++) {
        state = __builtin_ia32_crc32qi((uint32_t)state, *next);
    }
    return ~(uint32_t)state;
}

#elif defined(__aarch64__)

static inline int clinux_crc32c_in_hardware(void) {
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

__attribute__((target("crc"))) static inline uint32_t clinux_crc32c_hardware(
    uint32_t crc, const void *bytes, size_t length
) {
    const uint8_t *next = (const uint8_t *)bytes;
    crc = ~crc;
    for (; length >= 8; length -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = __builtin_arm_crc32cd(crc, word);
    }
    for (; length; length--, next++) crc = __builtin_arm_crc32cb(crc, *next);
    return ~crc;
}

#else

static inline int clinux_crc32c_in_hardware(void) { return 0; }

static inline uint32_t clinux_crc32c_hardware(uint32_t crc, const void *bytes, size_t length) {
    return clinux_crc32c_portable(crc, bytes, length);
}

#endif
#endif
