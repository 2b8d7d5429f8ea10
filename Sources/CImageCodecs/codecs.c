#include "codecs.h"
int emanate_codecs_placeholder(void) { return 0; }
