#pragma once
#include "codecs.h"

int emanate_png_header(const uint8_t *bytes, size_t count, emanate_image_header *header);
int emanate_png_decode(const uint8_t *bytes, size_t count, emanate_image_header *header,
                       const uint8_t *background, uint8_t *pixels);
int emanate_jpeg_header(const uint8_t *bytes, size_t count, emanate_image_header *header);
int emanate_jpeg_decode(const uint8_t *bytes, size_t count, emanate_image_header *header, uint8_t *pixels);

// The orientation (tag 0x0112 of the first directory) of a TIFF block, 1 if there is none.
int emanate_exif_orientation(const uint8_t *tiff, size_t count);

// Writes a message, cut to the room there is.
void emanate_say(char *message, const char *text);

// Appends to a growing block; 0 where memory is missing.
int emanate_encoded_append(emanate_encoded *out, const uint8_t *bytes, size_t count);
