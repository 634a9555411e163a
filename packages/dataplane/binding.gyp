{
  "targets": [
    {
      "target_name": "kith_dataplane",
      "sources": ["native/addon.cc", "native/tun.cc", "native/capabilities.cc"],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc": ["-std=c++17", "-O2", "-Wall", "-Wextra", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden"],
      "cflags_cc!": ["-std=gnu++20", "-std=gnu++17", "-fexceptions"]
    }
  ]
}
