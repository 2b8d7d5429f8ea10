#include "resources.h"
int emanate_resources_placeholder(void) { return 0; }
