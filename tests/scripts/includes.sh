#!/bin/sh
# Checks who includes whom. Data goes one way: what reads memory never judges, what judges never
# sees an address space, what prints computes nothing. The table is the design; a folder that is
# not in it may include nothing.
cd "$(dirname "$0")/../.." || exit 1
allowed() {
    case $1 in
    base) echo ;;
    model) echo base ;;
    image | graph | kernel | series | rules | report) echo base model ;;
    record) echo base model series ;;
    heapfile) echo base model graph ;;
    v8 | malloc | uv | trace) echo base model image ;;
    inspector) echo base model kernel ;;
    collect) echo base model image v8 malloc uv graph heapfile kernel trace inspector record ;;
    trial) echo base model image kernel collect ;;
    snapshot | suspects | native) echo base model image v8 malloc graph heapfile kernel collect ;;
    crashlog) echo base heapfile ;;
    growth) echo base model image v8 graph heapfile collect suspects ;;
    serve) echo base model series record collect rules report ;;
    watch) echo base model series ;;
    cmd) echo base model image v8 malloc uv graph heapfile kernel trace inspector record collect snapshot suspects native growth trial crashlog series watch rules report serve ;;
    esac
}
bad=0
for folder in src/*/; do
    folder=$(basename "$folder")
    may=" $folder $(allowed "$folder") "
    # FILE:LINE:#include "X/Y.h"
    for include in $(grep -rn --include='*.[ch]' '^ *# *include *"' "src/$folder" | sed 's/: *# *include *"/:/; s/".*//'); do
        place=${include%:*} header=${include##*:}
        case $may in
        *" ${header%%/*} "*) ;;
        *)
            case $header in
            */*) echo "$place: $folder may not include ${header%%/*} (\"$header\")" ;;
            *) echo "$place: name the folder: \"$header\"" ;;
            esac
            bad=1
            ;;
        esac
    done
done
exit $bad
