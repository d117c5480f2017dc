/* Read by cppcheck before every file: it does not read jansson.h. */
#define json_array_foreach(array, i, value) for (i = 0; (value = json_array_get(array, i)); i++)
#define json_object_foreach(object, key, value) for (; (key = json_object_next(object, &value));)
