// Rows of a matrix taken as steps of a product's depth, of the numbers that tile.h multiplies.
//
// A file defines before this header the SOURCE, which is the type of a matrix's elements, how many of its rows make one
// STEP, which is a row of NUMBERs, and
//   const NUMBER *step_numbers(const SOURCE *x, long stride, long rows, long columns, NUMBER *line)
// which gives the first step of x, of which `rows` rows are left; it may use the line for them.
#pragma once
#include "tile.h"

INLINE long steps_of(long rows) { return (rows + STEP - 1) / STEP; }
