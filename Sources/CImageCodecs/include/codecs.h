#pragma once
int emanate_codecs_placeholder(void);
