#pragma once
int emanate_resources_placeholder(void);
