#!/bin/sh
# Replank's marker in a Linux guest: a small file by which a rollback by SMC is seen. The lines before this text set REPLANK_ACT
# (write, look or remove) and, to write, REPLANK_MARKER. Needs POSIX sh. Files are below GUEST_ROOT (empty on a real guest).
# Each line of the answer to a look begins with a word of ours, so that no text of the guest can be taken for another line.
LC_ALL=C
export LC_ALL
R=${GUEST_ROOT:-}
D=$R/var/lib/replank
one() { # a file's first line, behind a word
  l=
  [ -r "$2" ] && { IFS= read -r l <"$2" || [ -n "$l" ]; } && printf '%s %.200s\n' "$1" "$l"
}
case $REPLANK_ACT in
  write)
    umask 077
    mkdir -p "$D" || exit 3
    # dd and not a redirection: conv=fsync returns once the file is on the disk.
    printf '%s\n' "$REPLANK_MARKER" | dd of="$D/marker" conv=fsync 2>/dev/null || exit 3
    echo 'replank-marker written'
    ;;
  look)
    echo 'replank-look 1'
    one up "$R/proc/uptime"
    one marker "$D/marker"
    one release "$R/etc/redhat-release"
    if [ -r "$R/etc/os-release" ]; then
      while IFS= read -r l || [ -n "$l" ]; do
        case $l in ID=* | VERSION_ID=* | PRETTY_NAME=*) printf 'os %.200s\n' "$l" ;; esac
      done <"$R/etc/os-release"
    fi
    echo '@end'
    ;;
  remove)
    rm -f "$D/marker"
    rmdir "$D" 2>/dev/null
    echo 'replank-marker removed'
    ;;
esac
