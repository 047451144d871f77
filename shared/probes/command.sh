#!/bin/sh
# Runs one command of the batch in a Linux guest. The line before this text sets REPLANK_RUN. Needs POSIX sh.
# Each line of its output begins with a mark, so that no text of the command can be taken for a line of ours. The output goes
# through a file, so that a program that the command leaves running does not hold the answer up.
LC_ALL=C
export LC_ALL
echo 'replank-command 1'
umask 077
f=$(mktemp 2>/dev/null) || f=/dev/null
sh -c "$REPLANK_RUN" >"$f" 2>&1 </dev/null
rc=$?
tail -n 20 "$f" 2>/dev/null | cut -c 1-300 | sed 's/^/|/'
[ "$f" = /dev/null ] || rm -f "$f"
printf '\n@end %s\n' "$rc"
