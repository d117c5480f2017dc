/* The fields of struct evidence that are kept, for base/fields.h: of src/model alone. */
#ifndef MEMWHY_MODEL_EVIDENCE_FIELDS_H
#define MEMWHY_MODEL_EVIDENCE_FIELDS_H

#include "base/fields.h"

extern const struct field evidence_fields[];

#endif
