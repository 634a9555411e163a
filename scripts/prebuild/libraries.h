// Included first into every source of a prebuilt addon, so that it loads wherever Node does, and not only beside the C
// and C++ libraries of the machine that built it.

// glibc 2.32 and 2.34 moved these from one of its libraries to another. By their old names they are found on both sides
// of the move.
#if defined(__x86_64__)
#define KITH_FIRST "GLIBC_2.2.5"
#define KITH_SETNAME "GLIBC_2.12"
#elif defined(__aarch64__)
#define KITH_FIRST "GLIBC_2.17"
#define KITH_SETNAME "GLIBC_2.17"
#elif defined(__arm__)
#define KITH_FIRST "GLIBC_2.4"
#define KITH_SETNAME "GLIBC_2.12"
#endif

#define KITH_OLD(name, version) __asm__(".symver " #name "," #name "@" version)
KITH_OLD(dlsym, KITH_FIRST);
KITH_OLD(pthread_create, KITH_FIRST);
KITH_OLD(pthread_join, KITH_FIRST);
KITH_OLD(pthread_sigmask, KITH_FIRST);
KITH_OLD(pthread_setname_np, KITH_SETNAME);

// What containers of GCC 11 and later call instead of throwing. Without exceptions it ends the process, here as there.
namespace std {
__attribute__((weak, noreturn, visibility("hidden"))) void __throw_bad_array_new_length() { __builtin_abort(); }
}  // namespace std
