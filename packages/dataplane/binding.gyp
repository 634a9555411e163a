{
  "variables": {
    "sanitize%": "false"
  },
  "targets": [
    {
      "target_name": "kith_dataplane",
      "sources": [
        "native/addon.cc",
        "native/aead.cc",
        "native/aead_test.cc",
        "native/aes.cc",
        "native/capabilities.cc",
        "native/checksum.cc",
        "native/coalesce.cc",
        "native/compact.cc",
        "native/core.cc",
        "native/descriptors.cc",
        "native/evp.cc",
        "native/inbound.cc",
        "native/offload_test.cc",
        "native/outbound.cc",
        "native/plane.cc",
        "native/plane_binding.cc",
        "native/port.cc",
        "native/prefix_tree.cc",
        "native/segment.cc",
        "native/tun.cc",
        "native/workers.cc"
      ],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc": ["-std=c++17", "-O2", "-Wall", "-Wextra", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden"],
      "cflags_cc!": ["-std=gnu++20", "-std=gnu++17", "-fexceptions"],
      "conditions": [
        [
          "sanitize=='true'",
          {
            "cflags_cc": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g"],
            "ldflags": ["-fsanitize=address,undefined"]
          }
        ]
      ]
    }
  ]
}
