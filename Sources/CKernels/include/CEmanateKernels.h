// Vector loops with run-time choice of instruction set. One header for Swift; one C file per family.
#pragma once
#include "images.h"
#include "training.h"
