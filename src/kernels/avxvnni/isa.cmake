set(QUERN_ISA_FLAGS "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(QUERN_ISA_FLAGS -mavx2 -mfma -mf16c -mavxvnni -fno-exceptions -Wno-uninitialized)
endif()
