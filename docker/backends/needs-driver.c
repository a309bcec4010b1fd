// What is linked with the SDK, in the stage `cuda-sdk-check`: a function of the driver is called.
#include <cuda.h>

CUresult needs_driver(CUmemGenericAllocationHandle *handle) {
    return cuMemCreate(handle, 1, 0, 0);
}
