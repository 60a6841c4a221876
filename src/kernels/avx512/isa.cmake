set(QUERN_ISA_FLAGS "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(QUERN_ISA_FLAGS -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512
      -fno-exceptions -Wno-uninitialized)  # gcc 12: inside its own intrinsic headers
endif()
