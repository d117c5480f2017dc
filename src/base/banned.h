/* Functions that have no safe use here. Included by every .c of src/ through the build (-include).
 */
#ifndef MEMWHY_BASE_BANNED_H
#define MEMWHY_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol

#endif
