#!/bin/sh
# The process of Replank's guest driver: runs detached, carries out the recipe beside it, and notes each phase before it begins.
LC_ALL=C
export LC_ALL
R=${GUEST_ROOT:-}
D=$R/var/lib/replank-tool
L=$D/log
put() { printf '%s\n' "$2" >"$D/$1.new" && mv -f "$D/$1.new" "$D/$1"; }
phase() {
  put since "$(date +%s)"
  put phase "$1"
}
end() { # a phase that waits for others, and the status that led to it
  put status "$2"
  phase "$1"
  sync
  exit 0
}
umask 077
if [ "$1" = prepare ]; then
  phase installing
  if [ -r "$D/recipe.old" ]; then
    (. "$D/recipe.old" && tool_clean) >>"$L" 2>&1
    rm -f "$D/recipe.old"
  fi
fi
. "$D/recipe"
case $1 in
  prepare | check)
    if [ "$1" = prepare ]; then
      tool_install >>"$L" 2>&1 || end not-installed $?
    fi
    tool_licence >>"$L" 2>&1 || end unlicensed $?
    phase checking
    tool_precheck >>"$L" 2>&1
    s=$?
    cp -f "$R$T_PRECHECK_REPORT" "$D/report" 2>/dev/null
    [ "$s" -eq 0 ] || end refused "$s"
    end prepared 0
    ;;
  start)
    phase running
    tool_start >>"$L" 2>&1
    s=$?
    [ "$s" -eq 0 ] || end failed "$s"
    put status 0
    phase restarting
    sync
    systemctl reboot
    ;;
esac
