#include "CEmanateKernels.h"
