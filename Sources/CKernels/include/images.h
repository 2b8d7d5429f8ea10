// Loops over 8-bit images: resampling, colour, blur.
#pragma once
#include <stdint.h>
