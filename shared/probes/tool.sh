#!/bin/sh
# Replank's guest driver in a Linux guest. The lines before this text set REPLANK_ACT (begin, check, look, start or clean) and REPLANK_RUN;
# for begin also REPLANK_RECIPE and REPLANK_RUNNER, both in base64. Needs POSIX sh, systemd, gzip and base64 (coreutils).
# The record of the run is below /var/lib/replank-tool. It survives restarts, and a rollback takes it away with the disk.
LC_ALL=C
export LC_ALL
R=${GUEST_ROOT:-}
D=$R/var/lib/replank-tool
U=replank-tool
E=$R/var/lib/replank/ended-tools # the runs that are over; it stays, so that a command that comes late or again begins nothing
get() { # the first line of a file of the record
  l=
  [ -r "$D/$1" ] && { IFS= read -r l <"$D/$1" || [ -n "$l" ]; } && printf '%s' "$l"
}
put() { printf '%s\n' "$2" >"$D/$1.new" && mv -f "$D/$1.new" "$D/$1"; }
claim() { # of several at once only one makes the folder
  mkdir "$D/$1" 2>/dev/null && : >"$D/$1/at"
}
boot() { cat "$R/proc/sys/kernel/random/boot_id"; }
active() { systemctl is-active "$U" >/dev/null 2>&1; }
changed() { # whether the run is past its point of no return
  case ${T_IRREVERSIBLE:-} in
    start) [ -d "$D/started" ] ;;
    text) [ -d "$D/started" ] && grep -qF -e "$T_TEXT" "$R$T_LOG" 2>/dev/null ;;
    restart) [ "$(get phase)" = restarting ] ;;
    *) false ;;
  esac
}
yes() { # a word, and whether a command says yes
  w=$1
  shift
  if "$@" >/dev/null 2>&1; then echo "$w yes"; else echo "$w no"; fi
}
packed() { # a word, and a file as one line; the end of a long one is cut
  [ -r "$2" ] && printf '%s %s\n' "$1" "$(gzip -9nc <"$2" | base64 | tr -d '\n' | head -c "$3")"
}
returned() { [ -n "$(get boot)" ] && [ "$(get boot)" != "$(boot)" ]; }
say() { # the answer; whether we run comes before the phase, because the runner notes its phase before it ends
  echo 'replank-tool 1'
  echo "word ${1:-}"
  echo "asked $REPLANK_RUN"
  yes active active
  echo "run $(get run)"
  echo "phase $(get phase)"
  echo "status $(get status)"
  yes started test -d "$D/started"
  a=$(get since)
  echo "age $(($(date +%s) - ${a:-0}))"
  yes returned returned
  if [ -r "$D/recipe" ]; then
    . "$D/recipe"
    yes busy tool_busy
    yes 'done' tool_done
    yes changed changed
    p=0
    [ -r "$R$T_LOG" ] && tool_progress "$R$T_LOG"
    echo "progress $p"
    tail -c 1500 "$D/log" >"$D/tail" 2>/dev/null
    case $(get phase) in
      prepared | refused) packed report "$D/report" 12000 ;;
      failed | restarting) packed report "$R$T_RESULT_REPORT" 12000 ;;
    esac
    packed results "$R/etc/migration-results" 3000
    packed log "$D/tail" 2500
  fi
  if [ -r "$R/etc/os-release" ]; then
    while IFS= read -r l || [ -n "$l" ]; do
      case $l in ID=* | VERSION_ID=* | NAME=*) printf 'os %.200s\n' "$l" ;; esac
    done <"$R/etc/os-release"
  fi
  [ -r "$R/etc/redhat-release" ] && IFS= read -r l <"$R/etc/redhat-release" && printf 'release %.200s\n' "$l"
  echo '@end'
  exit 0
}
is_over() { grep -qxF -e "$REPLANK_RUN" "$E" 2>/dev/null; }
turn_away() { # the pipeline takes this run for failed, so the same command must begin nothing if it comes again
  mkdir -p "${E%/*}"
  echo "$REPLANK_RUN" >>"$E"
  sync
  say "$1"
}
run() { # our process, apart from the agent and its time limit
  systemctl reset-failed "$U" >/dev/null 2>&1
  systemd-run --unit="$U" /bin/sh "$D/runner" "$1" >/dev/null 2>&1 || exit 4
}
umask 077
case $REPLANK_ACT in
  begin)
    mkdir -p "$D" || exit 3
    [ "$(get run)" = "$REPLANK_RUN" ] && say
    is_over && say ended
    active && turn_away busy
    if [ -r "$D/recipe" ]; then
      . "$D/recipe"
      changed && turn_away past
    fi
    printf '%s' "$REPLANK_RECIPE" | base64 -d >"$D/recipe.next" || exit 3
    . "$D/recipe.next"
    tool_busy >/dev/null 2>&1 && turn_away busy
    claim "claim-$REPLANK_RUN" || say
    rm -rf "$D/started" "$D/report" "$D/status" "$D/log"
    [ -r "$D/recipe" ] && mv -f "$D/recipe" "$D/recipe.old"
    mv -f "$D/recipe.next" "$D/recipe"
    printf '%s' "$REPLANK_RUNNER" | base64 -d >"$D/runner" || exit 3
    put since "$(date +%s)"
    put boot "$(boot)"
    put phase begun
    put run "$REPLANK_RUN"
    sync
    run prepare
    say
    ;;
  check) # a run that waits for a licence looks for it again
    [ "$(get run)" = "$REPLANK_RUN" ] || say
    [ "$(get phase)" = unlicensed ] || say
    active && say
    . "$D/recipe"
    tool_busy >/dev/null 2>&1 && say busy
    run check
    say
    ;;
  look) say ;;
  start)
    [ "$(get run)" = "$REPLANK_RUN" ] || say
    [ "$(get phase)" = prepared ] || say
    is_over && say busy
    . "$D/recipe"
    tool_busy >/dev/null 2>&1 && turn_away busy
    claim started || say
    put since "$(date +%s)"
    put boot "$(boot)"
    sync
    run start
    say
    ;;
  clean) # only after this try or one before it: a later one, and another migration, removes what it finds by itself
    n=$(get run)
    case $n in
      '') ;;
      "${REPLANK_RUN%-*}"-*) [ "${n##*-}" -le "${REPLANK_RUN##*-}" ] || D= ;;
      *) D= ;;
    esac
    if [ -n "$D" ]; then
      active && say busy
      if [ -r "$D/recipe" ]; then
        . "$D/recipe"
        tool_busy >/dev/null 2>&1 && say busy
        tool_clean >/dev/null 2>&1
      fi
    fi
    mkdir -p "${E%/*}"
    for c in "$D"/claim-*; do
      [ -d "$c" ] && echo "${c##*/claim-}"
    done >>"$E"
    echo "$REPLANK_RUN" >>"$E"
    sync
    [ -z "$D" ] || rm -rf "$D"
    echo "replank-tool cleaned $REPLANK_RUN"
    ;;
esac
