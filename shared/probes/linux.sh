#!/bin/sh
# Replank's probe of a Linux guest: one read-only pass, all facts, at most 20 KB of text.
#
# Needs POSIX sh and awk, nothing else; every command that is missing or fails is reported as such. Files are read below
# GUEST_ROOT (empty on a real guest). Commands get 15 seconds each, so a dead NFS mount cannot hold it up.
# The shell collects; one awk filters, bounds and prints. Between the two, a line that begins with a key made anew for this run is an
# order, and every other line is text of the guest: no file, name or program of the guest can know the key. What the user's check
# prints comes behind a mark, so that it is text whatever it says. To Replank goes:
#   replank-probe 1 linux        header
#   @name                        a section begins; its lines start with one blank
#   @cut name kept total         not all lines of it fitted
#   @rc n                        it ends; n is the status of its command, 127 when there is no such command
#   @end n                       n sections were printed: the answer is complete
LC_ALL=C
export LC_ALL
R=${GUEST_ROOT:-}
T=
[ -z "$R" ] && command -v timeout >/dev/null 2>&1 && T='timeout 15'

read -r K </proc/sys/kernel/random/uuid || K=$(od -An -N16 -tx8 /dev/urandom)
K=@${K##* }
N='
'
order() { printf '%s %s\n' "$K" "$*"; }
begin() { order begin "$1"; }
done_() { order rc "${1:-0}"; }
part() { order part "$1"; }
# A name of more than one line cannot be told: it is counted as left out.
odd() { case $1 in *"$N"*) order odd ;; *) return 1 ;; esac; }
file() { if [ -f "$1" ] && [ -r "$1" ] && ! odd "$1"; then order file "$1"; fi; }
files() { for f in "$@"; do file "$f"; done; }
# shellcheck disable=SC2086 # T is a command with its argument, or nothing
run() { $T "$@" 2>/dev/null </dev/null; }
section() { n=$1; shift; begin "$n"; run "$@"; done_ $?; }
exists() { if [ -e "$1" ]; then printf '%s yes\n' "$2"; else printf '%s no\n' "$2"; fi; }

device() { # whether the device an fstab line names exists: yes, no, or ? when that cannot be told
  case $1 in
    UUID=*) d=$R/dev/disk/by-uuid/${1#UUID=} ;;
    LABEL=*) d=$R/dev/disk/by-label/${1#LABEL=} ;;
    /dev/*) d=$R$1 ;;
    *) d= ;;
  esac
  case $d in *\"*) d= ;; esac
  p='?'
  if [ -n "$d" ] && [ -d "${d%/*}" ]; then if [ -e "$d" ]; then p=yes; else p=no; fi; fi
}

fstab() {
  begin fstab
  if [ -r "$R/etc/fstab" ]; then
    while read -r spec point type options _; do
      case $spec in '' | '#'*) continue ;; esac
      device "$spec"
      printf '%s %s %s %s %s\n' "$spec" "${point:--}" "${type:--}" "${options:-defaults}" "$p"
    done <"$R/etc/fstab"
    done_ 0
  else
    done_ 1
  fi
}

boot() {
  begin boot
  for f in "$R"/boot/vmlinuz-*; do
    v=${f##*/vmlinuz-}
    case $v in '*' | *rescue*) continue ;; esac
    odd "$v" && continue
    exists "$R/boot/initramfs-$v.img" "image $v"
  done
  g=no
  for f in "$R"/boot/grub2/grub.cfg "$R"/boot/efi/EFI/*/grub.cfg; do [ -s "$f" ] && g=yes; done
  printf 'grub %s\n' "$g"
  [ -d "$R/sys/firmware" ] && exists "$R/sys/firmware/efi" efi
  files "$R/boot/grub2/grubenv" "$R"/boot/efi/EFI/*/grubenv
  [ -d "$R/boot" ]
  done_ $?
}

programs() { # programs outside of packages: compiled ones, and scripts for Python
  begin programs
  i=0
  for f in "$R"/usr/local/bin/* "$R"/usr/local/sbin/* "$R"/usr/local/*/bin/* "$R"/usr/local/*/sbin/* "$R"/opt/*/bin/*; do
    if [ ! -f "$f" ] || [ ! -x "$f" ] || [ -L "$f" ]; then continue; fi
    case $f in */aegis/* | */cloudmonitor/* | */share/*) continue ;; esac
    odd "$f" && continue
    i=$((i + 1))
    [ "$i" -gt 200 ] && break
    IFS= read -r l <"$f" 2>/dev/null
    case $l in
      ?ELF*) printf 'elf %s\n' "${f#"$R"}" ;;
      '#!'*python3*) ;;
      '#!'*python*) printf 'python %s\n' "${f#"$R"}" ;;
    esac
  done
  files "$R"/etc/systemd/system/*.service
  done_ 0
}

state() { # single facts that are the presence or the content of a file
  begin state
  exists "$R/usr/local/aegis" security-agent
  busy=no
  for f in "$R"/run/yum.pid "$R"/var/run/yum.pid "$R"/run/dnf.pid "$R"/var/run/dnf.pid; do
    [ -r "$f" ] && read -r pid <"$f" && if [ ! -d "$R/proc" ] || [ -d "$R/proc/$pid" ]; then busy=yes; fi
  done
  printf 'package-manager-busy %s\n' "$busy"
  for f in /var/lib/leapp/leapp.db /etc/convert2rhel.ini /root/preupgrade; do [ -e "$R$f" ] && printf 'leftover %s\n' "$f"; done
  for f in "$R"/boot/*upgrade*; do [ -e "$f" ] && ! odd "$f" && printf 'leftover %s\n' "${f#"$R"}"; done
  [ -e "$R/etc/udev/rules.d/70-persistent-net.rules" ] && printf 'pin 70-persistent-net.rules\n'
  [ -e "$R/proc/driver/nvidia" ] && printf 'gpu yes\n'
  if [ -n "${http_proxy:-}" ] && [ -z "$R" ]; then printf 'proxy environment\n'; fi
  if [ -r "$R/sys/fs/selinux/enforce" ]; then read -r l <"$R/sys/fs/selinux/enforce"; printf 'enforce %s\n' "$l"; fi
  files "$R/etc/selinux/config" "$R/etc/yum.conf" "$R/etc/dnf/dnf.conf" "$R/etc/environment" \
    "$R"/etc/sysconfig/network-scripts/ifcfg-* "$R"/etc/dnf/modules.d/*.module
  done_ 0
}

collect() {
  begin os; files "$R/etc/os-release" "$R/etc/redhat-release"; [ -r "$R/etc/os-release" ]; done_ $?
  section kernel uname -r
  section machine uname -m
  section hostname hostname
  begin memory
  if [ -r "$R/proc/meminfo" ]; then file "$R/proc/meminfo"; done_ 0; else run free -m; done_ $?; fi
  begin mounts
  file "$R/proc/mounts"
  if [ -d "$R/dev/disk/by-uuid" ]; then part uuid; run ls -l "$R/dev/disk/by-uuid"; fi
  part space
  run df -Pk; rc=$?
  if [ "$rc" = 124 ]; then run df -Pkl && rc=124; fi
  part inodes
  [ "$rc" -lt 124 ] && run df -Pi
  done_ "$rc"
  begin packages
  q='%{NAME} %{VERSION}-%{RELEASE} %{ARCH} %{VENDOR}\n'
  if [ -n "$R" ] && [ -d "$R/var/lib/rpm" ]; then run rpm --root "$R" -qa --qf "$q"; else run rpm -qa --qf "$q"; fi
  done_ $?
  begin services
  run systemctl list-unit-files --type=service --no-legend; rc=$?
  part running
  run systemctl list-units --type=service --state=running --no-legend --plain || rc=$?
  done_ "$rc"
  begin listening
  run ss -Hltun || run ss -ltun
  done_ $?
  section addresses ip -o -4 addr show
  section route ip -4 route show default
  begin links; files "$R"/sys/class/net/*/address; done_ 0
  begin dns; file "$R/etc/resolv.conf"; [ -r "$R/etc/resolv.conf" ]; done_ $?
  begin users; files "$R/etc/passwd" "$R/etc/group"; [ -r "$R/etc/passwd" ]; done_ $?
  fstab
  boot
  begin modules; file "$R/proc/modules"; [ -r "$R/proc/modules" ]; done_ $?
  begin repositories; files "$R"/etc/yum.repos.d/*.repo; [ -d "$R/etc/yum.repos.d" ]; done_ $?
  begin cron; files "$R/etc/crontab" "$R"/etc/cron.d/* "$R"/var/spool/cron/*; done_ 0
  programs
  state
  if [ -n "${REPLANK_UPDATES:-}" ]; then begin updates; run yum -q -C check-update >/dev/null; done_ $?; fi
  if [ -n "${REPLANK_FILES:-}" ]; then
    begin checksums
    printf '%s\n' "$REPLANK_FILES" | while IFS= read -r f; do
      part "$f"
      [ -f "$R$f" ] && $T sha256sum <"$R$f" || printf 'none\n'
    done
    done_ 0
  fi
  [ -n "${REPLANK_CHECK:-}" ] && check
}

# Its status comes by another way than its output.
check() {
  begin check
  {
    rc=$({ { (cd "$R/" && $T sh -c "$REPLANK_CHECK" 2>&1 </dev/null 3>&- 4>&-); echo $? >&3; } | awk 'NR < 20 { print "|" $0 }' >&4; } 3>&1)
  } 4>&1
  done_ "${rc:-137}"
}

if ! command -v awk >/dev/null 2>&1; then
  printf 'replank-probe 1 linux\n@tools\n@rc 127\n@end 1\n'
  exit 0
fi
{ echo "$K"; collect; } 2>/dev/null | awk '
function say(line, size) {
  gsub(/[\001-\037\177]/, " ", line)
  if (length(line) > 240) line = substr(line, 1, 240)
  size = length(line) + 2
  if (used + size > cap || total + size > 18800) { dropped++; return }
  used += size; total += size; kept++
  print " " line
}
function flush(  i, name) {
  if (S == "packages") {
    say("total " count + 0)
    if (packaged) say("kernel-packaged yes"); else if (count) say("kernel-packaged no")
    if (n32) say("i686-total " n32)
    if (nother) say("third-total " nother)
    for (i = 1; i <= nchosen; i++) say("chosen " chosen[i])
    for (i = 1; i <= n32 && i <= 40; i++) say("i686 " p32[i])
    for (i = 1; i <= nother && i <= 40; i++) say("third " other[i])
  } else if (S == "mounts") {
    for (i = 1; i <= nmounts; i++) {
      name = where[i]
      say(device[i] " " (name in type ? type[name] : "-") " " size[i] " " free[i] " " (name in inodes ? inodes[name] : "-") \
        " " (name in mode ? mode[name] : "rw") " " (device[i] in uuid ? uuid[device[i]] : "-") " " name)
    }
  } else if (S == "services") {
    for (i = 1; i <= nservices; i++) say(service[i] " " (service[i] in enabled ? 1 : 0) " " (service[i] in active ? 1 : 0))
  } else if (S == "repositories") repository()
}
function repository() { if (repo != "" && on) say(repo " " (url == "" ? "-" : url)); repo = "" }
function add_service(name) { sub(/[.]service$/, "", name); if (!(name in known)) { known[name] = 1; service[++nservices] = name }; return name }
function tail(from,  i, text) { text = $from; for (i = from + 1; i <= NF; i++) text = text " " $i; return text }
function value(text) { sub(/^[^=]*=[ \t]*/, "", text); gsub(/^["\047]|["\047][ \t]*$/, "", text); return text }
function handle(  at, name) {
  if (S == "os") {
    if (F == "redhat-release") say("release " $0)
    else if ($0 ~ /^(ID|VERSION_ID|NAME|PRETTY_NAME)=/) { name = tolower(substr($0, 1, index($0, "=") - 1)); say(name " " value($0)) }
  } else if (S == "kernel") { kernel = $1; say($1) }
  else if (S == "memory") { if ($1 ~ /^(MemTotal|MemAvailable|MemFree|Buffers|Cached|Mem):$/) say($0) }
  else if (S == "mounts") {
    if (F == "mounts") { type[$2] = $3; mode[$2] = ($4 ~ /^ro(,|$)/ ? "ro" : "rw") }
    else if (F == "uuid") { if ($(NF - 1) == "->") { at = $NF; sub(/.*\//, "/dev/", at); uuid[at] = $(NF - 2) } }
    else if (($1 !~ /^\// && $1 !~ /:\//) || tail(6) ~ /^\/(proc|run|sys|var\/lib\/(containerd|containers|docker|kubelet))(\/|$)/) return
    else if (F == "inodes") { if ($4 ~ /^[0-9]+$/ && $2 > 0) inodes[tail(6)] = $4 }
    else { nmounts++; device[nmounts] = $1; size[nmounts] = $2; free[nmounts] = $4; where[nmounts] = tail(6) }
  } else if (S == "packages") {
    if (NF < 3 || $1 == "gpg-pubkey") return
    count++
    if ($3 ~ /^i[3456]86$/) p32[++n32] = $1 "." $3
    if ($1 ~ /^kernel/ && kernel != "" && index(kernel, $2) == 1) packaged = 1
    if ($0 !~ /CentOS|Red ?Hat|Alibaba|Aliyun|OpenAnolis|Anolis/) other[++nother] = $1
    if ($1 ~ CHOSEN) chosen[++nchosen] = $1 " " $2 " " $3
  } else if (S == "services") {
    name = add_service($1)
    if (F == "running") active[name] = 1
    else if ($2 ~ /^enabled/) enabled[name] = 1
    else if (!(name in active)) { nservices--; delete known[name] }
  } else if (S == "listening") {
    if ($1 !~ /^(tcp|udp)/ || !match($5, /:[0-9]+$/)) return
    name = $1 " " substr($5, 1, RSTART - 1) " " substr($5, RSTART + 1)
    if (!(name in heard)) { heard[name] = 1; say(name) }
  } else if (S == "addresses") { if ($3 == "inet" && $2 != "lo") say($2 " " $4) }
  else if (S == "route") { if ($1 == "default") say($1 " " $2 " " $3 " " $4 " " $5) }
  else if (S == "links") { name = PATH; sub(/\/address$/, "", name); sub(/.*\//, "", name); if (name != "lo") say(name " " $1) }
  else if (S == "dns") { if ($1 == "nameserver") say($2) }
  else if (S == "users") {
    split($0, at_, ":")
    if (F == "passwd") say("user " at_[1] ":" at_[3])
    else if (at_[3] >= 1000 || at_[4] != "") say("group " at_[1] ":" at_[3] ":" at_[4])
  } else if (S == "boot") { if (F == "grubenv") { if (/^saved_entry=/) say("saved " value($0)) } else say($0) }
  else if (S == "modules") { if ($NF ~ /^\(.*O.*\)$/) say("out-of-tree " $1); if ($1 == "nvidia") say("gpu yes") }
  else if (S == "repositories") {
    if (/^\[/) { repository(); repo = substr($0, 2, index($0, "]") - 2); on = 1; url = "" }
    else if (/^enabled *=/) on = (value($0) ~ /^(1|true|yes)/)
    else if (/^(baseurl|mirrorlist|metalink) *=/ && url == "") url = value($0)
  } else if (S == "cron") { if ($0 !~ /^[ \t]*(#|$)/ && $0 !~ /^(SHELL|PATH|MAILTO|HOME|RANDOM_DELAY|START_HOURS_RANGE)=/) say(F ": " $0) }
  else if (S == "programs") {
    if (F == "") say($0)
    else if (/^ExecStart=/ && /python/ && !/python3/) say("python " F)
  } else if (S == "state") {
    if (F == "") say($0)
    else if (F == "config") { if (/^SELINUX=/) say("selinux " value($0)) }
    else if (F ~ /^ifcfg-eth/) { if (/^HWADDR=/) say("pin " F) }
    else if (F ~ /[.]module$/) { if (/^state=enabled/) say("module " substr(F, 1, length(F) - 7)) }
    else if (tolower($0) ~ /^(export )?(proxy|https?_proxy) *=/) say("proxy " F)
  } else if (S == "checksums") { say((length($1) == 64 ? $1 : "-") " " F) }
  else if (S == "check") say(substr($0, 2))
  else say($0)
}
function read_file(path,  line) {
  PATH = path; F = path; sub(/.*\//, "", F)
  while ((getline line < path) > 0) { $0 = line; handle() }
  close(path)
  if (S == "repositories") repository()
  F = ""
}
BEGIN {
  CHOSEN = "^(httpd|nginx|tengine|openresty|haproxy|keepalived|squid|vsftpd|bind|postfix|dovecot|samba|nfs-utils|mysql(-community)?-server" \
    "|MySQL-server|Percona-Server-server.*|mariadb(-server)?|postgresql[0-9]*-server|redis[0-9]*|mongodb-org-server|memcached|rabbitmq-server" \
    "|elasticsearch|php[0-9]*w?(-fpm|-common)?|python(2|3|3[0-9]+)?|nodejs|golang|ruby|perl|java-[0-9.]+-openjdk(-headless)?|tomcat|docker(-ce)?" \
    "|containerd[.]io|kubelet|zabbix-agent|openssl|openssh-server|glibc|gcc|epel-release|cloud-init|kernel(-core|-ml|-lt)?)$"
  print "replank-probe 1 linux"
}
NR == 1 { K = $0; next }
$1 != K { handle(); next }
$2 == "begin" { S = $3; F = ""; kept = dropped = used = 0; sections++
  cap = S == "packages" ? 5200 : S == "services" ? 3600 : S == "checksums" ? 4000 : 2200
  print "@" S }
$2 == "part" { F = substr($0, length(K) + 7) }
$2 == "file" { read_file(substr($0, length(K) + 7)) }
$2 == "odd" { dropped++ }
$2 == "rc" { rc = $3; flush(); if (dropped) print "@cut " S " " kept " " kept + dropped; print "@rc " rc }
END { print "@end " sections }
'
