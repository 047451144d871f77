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

cd "$R/" || exit

read -r K </proc/sys/kernel/random/uuid || K=$(od -An -N16 -tx8 /dev/urandom)
K=@${K##* }
N='
'
say() { printf '%s\n' "$*"; }
order() { say "$K" "$@"; }
begin() { order begin "$1"; }
done_() { order rc "${1:-0}"; }
part() { order part "$1"; }
# A name of more than one line cannot be told: it is counted as left out.
odd() { case $1 in *"$N"*) order odd ;; *) return 1 ;; esac; }
file() { if [ -f "$1" ] && [ -r "$1" ] && ! odd "$1"; then order file "$1"; fi; }
files() { for f in "$@"; do file "$f"; done; }
# shellcheck disable=SC2086 # T is a command with its argument, or nothing
run() { $T "$@" </dev/null; }
section() { n=$1; shift; begin "$n"; run "$@"; done_ $?; }
first() { # a file's first line, whether it ends or not
  l=
  [ -r "$1" ] && read -r l <"$1"
  [ -n "$l" ]
}
exists() { y=no; [ -e "$1" ] && y=yes; say "$2 $y"; }

# shellcheck disable=SC2086 # T is a command with its argument, or nothing
packages() { # what rpm says, with what it complains of
  if [ -n "$R" ] && [ -d var/lib/rpm ]; then set -- --root "$R" "$@"; fi
  $T rpm "$@" 2>&1 </dev/null
}

own() { # whether a command is the guest's own: below GUEST_ROOT this machine's would tell of this machine
  [ -z "$R" ] && return 0
  IFS=:
  for d in $PATH; do [ -x "$d/$1" ] && break; done
  unset IFS
  case $d in /bin | /sbin | /usr/*) return 1 ;; esac
  [ -x "$d/$1" ]
}

fstab() { # its lines as they are, and which devices exist: a pure function reads them as mount and systemd do
  begin fstab
  if [ -r etc/fstab ]; then
    while read -r spec rest || [ -n "$spec" ]; do
      case $spec in '' | '#'*) continue ;; esac
      say "line $spec $rest"
      case $spec in
        //*) ;;
        /*)
          d=$spec
          case $d in *\\[0-7][0-7][0-7]*) d=$(printf %b "$d") ;; esac
          [ -e "$R$d" ] && say "here $spec"
          ;;
      esac
    done <etc/fstab
    [ -d dev ] && say 'looked /dev'
    if [ -d dev/disk ]; then
      say 'looked /dev/disk'
      for f in dev/disk/by-*/*; do if { [ -e "$f" ] || [ -L "$f" ]; } && ! odd "$f"; then say "link ${f#dev/disk/by-}"; fi; done
    fi
    done_ 0
  else
    done_ 1
  fi
}

boot() {
  begin boot
  for f in boot/vmlinuz-*; do
    v=${f##*/vmlinuz-}
    case $v in '*' | *rescue*) continue ;; esac
    odd "$v" && continue
    exists "boot/initramfs-$v.img" "image $v"
  done
  g=no
  for f in boot/grub2/grub.cfg boot/efi/EFI/*/grub.cfg; do [ -s "$f" ] && g=yes; done
  say "grub $g"
  [ -d sys/firmware ] && exists sys/firmware/efi efi
  files boot/grub2/grubenv boot/efi/EFI/*/grubenv boot/grub2/grub.cfg boot/efi/EFI/*/grub.cfg
  [ -d boot ]
  done_ $?
}

# Programs outside of packages: compiled ones, and scripts for Python. One of a folder is enough but in /usr/local/bin and sbin.
program() { # tells whether the file is one
  if [ ! -f "$1" ] || [ ! -x "$1" ] || [ -L "$1" ]; then return 1; fi
  case $1 in *[\ \']* | opt/rh/* | */aegis/* | */cloudmonitor/* | */share/*) return 1 ;; esac
  odd "$1" && return 1
  l=
  IFS= read -r l <"$1"
  case $l in
    ?ELF*) say "elf /$1"; elf="$elf /$1" ;;
    '#!'*python3*) ;;
    '#!'*python*) say "python /$1" ;;
    *) return 1 ;;
  esac
}
one() { for f in "$@"; do program "$f" && break; done; }

panel() { [ -e "$1" ] && say "panel /$1"; }

programs() {
  begin programs
  # One of these places may be the dead file system that df waited for.
  if [ "$hung" = 124 ]; then done_ 124; return; fi
  elf='' i=0
  for f in usr/local/bin/* usr/local/sbin/*; do program "$f" && i=$((i + 1)) && [ "$i" -ge 40 ] && break; done
  for d in usr/local/* usr/local/*/* opt opt/* opt/*/* www/server/* www/server/*/* www/wdlinux/* alidata/server/* data data/* srv \
    srv/* app app/* apps/* soft/* software/* web/* work/* home/* home/*/* root/*; do
    one "$d"/bin/*
    one "$d"/sbin/*
  done
  for d in opt/*; do one "$d"/*; done
  for f in www/server/panel www/wdlinux usr/bin/lnmp bin/lnmp xp/panel usr/libexec/webmin opt/1panel alidata/server opt/lampp \
    vhs/kangle opt/appnode; do panel $f; done
  for f in cpanel psa directadmin vesta hestia CyberCP lsws ispconfig phpstudy; do panel usr/local/$f; done
  # shellcheck disable=SC2086 # no name has a blank
  if [ -n "$elf" ]; then part owner; packages -qf --qf 'owner\n' $elf; part; fi
  files etc/systemd/system/*.service
  done_ 0
}

state() { # single facts that are the presence or the content of a file
  begin state
  agent=no
  for f in proc/[0-9]*/stat; do first "$f" && case $l in *'(AliYunDun'*) agent=yes ;; esac; done
  say "security-agent $agent"
  busy=no
  for f in run/yum.pid run/dnf.pid run/dnf-*.lock var/run/yum.pid var/run/dnf.pid var/run/dnf-*.lock \
    var/lib/dnf/*.pid var/cache/dnf/*.pid var/cache/dnf/*/*/*.pid var/log/log_lock.pid; do
    first "$f"
    pid=${l%% *}
    case $pid in '' | *[!0-9]*) continue ;; esac
    if [ -d proc ] && [ ! -d "proc/$pid" ]; then continue; fi
    busy=yes
    first "proc/$pid/stat"
    l=${l%)*}
    say "lock /$f $pid (${l##*(})"
  done
  say "package-manager-busy $busy"
  for f in boot/*upgrade* root/tmp_leapp_py3 var/lib/leapp/el*userspace etc/systemd/system/leapp_resume.service; do
    [ -e "$f" ] && ! odd "$f" && say "leftover /$f"
  done
  [ -e proc/driver/nvidia ] && say 'gpu yes'
  if [ -n "${http_proxy:-}" ] && [ -z "$R" ]; then say 'proxy environment'; fi
  first sys/fs/selinux/enforce && say "enforce $l"
  files etc/selinux/config etc/yum.conf etc/dnf/dnf.conf etc/environment etc/profile.d/*.sh \
    etc/udev/rules.d/70-persistent-net.rules etc/sysconfig/network-scripts/ifcfg-* etc/dnf/modules.d/*.module
  done_ 0
}

more() { # what tools that replace the system refuse: links in /, locked packages, encryption, arguments of the kernel
  begin more
  part links
  run ls -lA "$R/"
  part ''
  for f in sys/block/dm-*/dm/uuid; do first "$f" && case $l in CRYPT-*) say "crypt ${l##*-}" ;; esac; done
  first proc/sys/crypto/fips_enabled && say "fips $l"
  exists etc/ssh/sshd_config sshd
  for f in etc/yum/vars/releasever etc/dnf/vars/releasever; do first "$f" && say "lock releasever is pinned to $l in /$f"; done
  files proc/cmdline etc/crypttab etc/yum/pluginconf.d/versionlock.* etc/dnf/plugins/versionlock.* etc/ssh/sshd_config etc/pam.d/*
  done_ 0
}

# shellcheck disable=SC2086 # T is a command with its argument, or nothing
health() { # what must still work afterwards: fstab as the system reads it, metadata, names, time. Nothing is mounted or written.
  begin health
  l=
  own findmnt && l=$($T findmnt --verify 2>&1 </dev/null)
  case $l in
    *Success* | *'parse error'*) say 'checked findmnt'; part findmnt; say "$l"; part '' ;;
    *) if own mount; then say 'checked mount'; part mount; $T mount -favn 2>&1 </dev/null; part ''; fi ;;
  esac
  if own curl; then
    l=$(run curl -s -m 3 --noproxy '*' -o /dev/null -w '%{http_code}' http://100.100.100.200/latest/meta-data/)
    case $l in '') ;; 000) say 'metadata no' ;; *) say 'metadata yes' ;; esac
  fi
  if own getent; then if run getent hosts mirrors.cloud.aliyuncs.com >/dev/null; then say 'names yes'; else say 'names no'; fi; fi
  if own timedatectl; then part clock; run timedatectl; part ''; fi
  done_ 0
}

collect() {
  begin os; files etc/os-release etc/redhat-release; [ -r etc/os-release ]; done_ $?
  section kernel uname -r
  section machine uname -m
  section hostname hostname
  begin memory
  if [ -r proc/meminfo ]; then file proc/meminfo; done_ 0; else run free -m; done_ $?; fi
  begin mounts
  file proc/mounts
  if [ -d dev/disk/by-uuid ]; then part uuid; run ls -l dev/disk/by-uuid; fi
  part space
  run df -Pk; rc=$?
  hung=$rc
  if [ "$rc" = 124 ]; then run df -Pkl && rc=124; fi
  part inodes
  [ "$rc" -lt 124 ] && run df -Pi
  done_ "$rc"
  begin options; done_ 0
  begin packages
  packages -qa --qf '%{NAME} %{VERSION}-%{RELEASE} %{ARCH} %{VENDOR}\n'
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
  begin links; files sys/class/net/*/address; done_ 0
  begin dns; file etc/resolv.conf; [ -r etc/resolv.conf ]; done_ $?
  begin users; files etc/passwd etc/group; [ -r etc/passwd ]; done_ $?
  fstab
  boot
  begin modules; file proc/modules; [ -r proc/modules ]; done_ $?
  begin repositories
  files etc/yum.conf etc/dnf/dnf.conf etc/yum.repos.d/*.repo etc/yum/repos.d/*.repo etc/distro.repos.d/*.repo
  [ -d etc/yum.repos.d ]
  done_ $?
  begin cron; files etc/crontab etc/cron.d/* var/spool/cron/*; done_ 0
  programs
  state
  more
  health
  if [ -n "${REPLANK_UPDATES:-}" ]; then begin updates; run yum -q -C check-update >/dev/null; done_ $?; fi
  if [ -n "${REPLANK_FILES:-}" ]; then
    begin checksums
    say "$REPLANK_FILES" | while IFS= read -r f; do
      part "$f"
      # shellcheck disable=SC2015 # without a sum it is none
      [ -f "$R$f" ] && $T sha256sum <"$R$f" || say none
    done
    done_ 0
  fi
  [ -n "${REPLANK_CHECK:-}" ] && check
}

# Its status comes by another way than its output.
check() {
  begin check
  {
    rc=$({ { ($T sh -c "$REPLANK_CHECK" 2>&1 </dev/null 3>&- 4>&-); echo $? >&3; } | awk 'NR < 20 { print "|" $0 }' >&4; } 3>&1)
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
  if (length(line) > widest) line = substr(line, 1, widest)
  size = length(line) + 2
  if (used + size > cap || total + size > 18800) { dropped++; return }
  used += size; total += size; kept++
  print " " line
}
function flush(  i, name) {
  if (S == "packages") {
    say("total " count + 0)
    if (packaged) { say("kernel-packaged yes"); say("kernel-vendor " vendor) } else if (count) say("kernel-packaged no")
    say("complaint " complaint)
    if (n32) say("i686-total " n32)
    if (nother) say("third-total " nother)
    for (i = 1; i <= nchosen; i++) say("chosen " chosen[i])
    for (i = 1; i <= n32 && i <= 40; i++) say("i686 " p32[i])
    for (i = 1; i <= nother && i <= 40; i++) say("third " other[i])
    for (i = 1; i <= ntwice && i <= 20; i++) say("twice " twice[i] " " versions[twice[i]])
  } else if (S == "mounts") {
    for (i = 1; i <= nmounts; i++) mount(device[i], where[i], i)
    # What df leaves out: a second place of the same file system, and one without a size. Without df nothing is known.
    for (i = 1; nmounts && i <= nlisted; i++) {
      name = listed[i]
      if (!(name in told) && type[name] !~ PSEUDO && point(name, source[name])) { told[name] = 1; mount(source[name], name, row[source[name]]) }
    }
  } else if (S == "options") {
    for (i = 1; i <= nlisted; i++) if (listed[i] in told) say(options[listed[i]] " " listed[i])
  } else if (S == "services") {
    for (i = 1; i <= nservices; i++) say(service[i] " " (service[i] in enabled ? 1 : 0) " " (service[i] in active ? 1 : 0))
  } else if (S == "modules") {
    for (i = 1; i <= nloaded && i <= 200; i++) { name = name " " loaded[i]; if (i % 12 == 0) { say("loaded" name); name = "" } }
    if (name != "") say("loaded" name)
  } else if (S == "programs") {
    for (i = 1; i <= nelf; i++) if (!owned || elf[i] in unowned) say("elf " elf[i])
  } else if (S == "state" && pinned) say("pin 70-persistent-net.rules")
  else if (S == "more") {
    for (i = 1; i <= nlocks && i <= 20; i++) say("lock " lock[i])
    if (nlocks > 20) say("lock and " nlocks - 20 " more")
    for (i = 1; i <= nrepeated && i <= 20; i++) say("repeated " repeated[i])
    if (pams != "") say("pam" pams)
    for (name in frozen) if (frozen[name]) say("read-only " name)
  }
}
function mount(dev, at, i,  name) { # i: the row of df that has its sizes
  name = where[i]
  say(escaped(dev) " " (at in type ? type[at] : "-") " " (i ? size[i] " " free[i] : "0 0") " " (name in inodes ? inodes[name] : "-") \
    " " (options[at] ~ /^ro(,|$)/ ? "ro" : "rw") " " (dev in uuid ? uuid[dev] : "-") " " at)
}
function escaped(text) { gsub(/ /, "\\040", text); return text == "" ? "-" : text }
function plain(text) { gsub(/\\040/, " ", text); gsub(/\\011/, "\t", text); gsub(/\\134/, "\\", text); return text }
function point(at, dev) { # whether a mount point is one that people make
  if (at ~ /^\/var\/lib\/(containerd|containers|docker|kubelet)$/) return dev ~ /^\/dev\//
  return at ~ /^\// && at !~ /^\/(proc|run|sys|dev|var\/lib\/(containerd|containers|docker|kubelet))(\/|$)/
}
function yes(text) { return tolower(text) ~ /^(1|yes|true|on)$/ }
function ini(line,  at, key) { # one line of an ini file as yum and dnf read it: comments, continued values, = or :
  if (line ~ /^[ \t]*([#;]|$)/) return
  if (line ~ /^\[/) { settled(); group = substr(line, 2, index(line, "]") - 2); split("", opt); last = ""; return }
  if (line ~ /^[ \t]/) { if (last != "") { sub(/^[ \t]+/, "", line); opt[last] = opt[last] (opt[last] == "" ? "" : " ") line }; return }
  at = match(line, /[=:]/)
  if (!at) return
  key = tolower(substr(line, 1, at - 1)); line = substr(line, at + 1)
  gsub(/[ \t]/, "", key); sub(/[ \t];.*$/, "", line); gsub(/^[ \t]+|[ \t]+$/, "", line)
  opt[key] = line; last = key
}
function settled(  name, url) { # a section has been read
  if (group == "") return
  if (S == "repositories" && group != "main") {
    if (seen_[group]++ == 1) repeated[++nrepeated] = group
    on = "enabled" in opt ? yes(opt["enabled"]) : 1
    url = opt["baseurl"] " " opt["mirrorlist"] " " opt["metalink"]; gsub(/[ \t,]+/, " ", url); gsub(/^ | $/, "", url)
    if (on) say(group " " (url == "" ? "-" : url))
  } else if (S == "more" && group == "main") locking = "enabled" in opt ? yes(opt["enabled"]) : PATH ~ /\/dnf\//
  else if (S == "state" && group == "main") { if (opt["proxy"] != "" && opt["proxy"] != "_none_") say("proxy " F) }
  if (S == "repositories" && (group == "main" || on)) {
    hide("exclude", opt["exclude"] " " opt["excludepkgs"])
    hide("includepkgs", opt["includepkgs"])
    if (group == "main" && opt["include"] ~ /^(file:\/\/)?\//) { name = opt["include"]; sub(/^file:\/\//, "", name); include[++nincluded] = ENVIRON["GUEST_ROOT"] name }
  }
  group = ""
}
function hide(how, hidden) { # what keeps packages from being updated
  gsub(/[ \t,]+/, " ", hidden); gsub(/^ | $/, "", hidden)
  if (hidden != "") lock[++nlocks] = how " in " (group == "main" ? F : "repository " group) ": " hidden
}
function add_service(name) { sub(/[.]service$/, "", name); if (!(name in known)) { known[name] = 1; service[++nservices] = name }; return name }
function tail(from,  i, text) { text = $from; for (i = from + 1; i <= NF; i++) text = text " " $i; return text }
function value(text) { sub(/^[^=]*=[ \t]*/, "", text); gsub(/^["\047]|["\047][ \t]*$/, "", text); return text }
function handle(  at, name) {
  if (S == "packages") { # the longest: it comes first, and what most lines are not is asked by the cheapest question
    if ($1 ~ /:$/) { if (complaint == "") complaint = $0; return }
    if (NF < 3 || $1 == "gpg-pubkey") return
    count++
    name = $1 "." $3
    if (name in versions && $1 !~ /^(kernel|kmod-)/) { if (!(name in doubled)) { doubled[name] = 1; twice[++ntwice] = name }; versions[name] = versions[name] ", " $2 }
    else versions[name] = $2
    if ($3 ~ /^i[3456]86$/) p32[++n32] = $1 "." $3
    if ($1 ~ /^kernel/ && $1 !~ /(headers|devel|tools|doc|firmware|libs)$/ && kernel != "" && index(kernel ".", $2 ".") == 1) { packaged = 1; vendor = $4 == "" ? "" : tail(4) }
    if ($0 !~ /CentOS|Red ?Hat|Alibaba|Aliyun|OpenAnolis|Anolis/) other[++nother] = $1
    if ($1 ~ CHOSEN || $1 ~ /-server/ && tolower($1) ~ SERVER) chosen[++nchosen] = $1 " " $2 " " $3
  } else if (S == "os") {
    if (F == "redhat-release") say("release " $0)
    else if ($0 ~ /^(ID|VERSION_ID|NAME|PRETTY_NAME)=/) { name = tolower(substr($0, 1, index($0, "=") - 1)); say(name " " value($0)) }
  } else if (S == "kernel") { kernel = $1; say($1) }
  else if (S == "memory") { if ($1 ~ /^(MemTotal|MemAvailable|MemFree|Buffers|Cached|Mem):$/) say($0) }
  else if (S == "mounts") {
    if (F == "mounts") {
      name = plain($2)
      if (!(name in type)) listed[++nlisted] = name
      source[name] = plain($1); type[name] = $3; options[name] = $4
      if (name == "/mnt" || name == "/sys") frozen[name] = $4 ~ /^ro(,|$)/
    }
    else if (F == "uuid") { if ($(NF - 1) == "->") { at = $NF; sub(/.*\//, "/dev/", at); uuid[at] = $(NF - 2) } }
    else {
      # From the right: a device and a mount point may have blanks in them.
      if (!match($0, /[ \t]+[0-9]+[ \t]+[0-9-]+[ \t]+-?[0-9-]+[ \t]+([0-9]+%|-)[ \t]+\//)) return
      dev = substr($0, 1, RSTART - 1); name = substr($0, RSTART + RLENGTH - 1)
      split(substr($0, RSTART, RLENGTH - 1), at_)
      if ((name in type ? type[name] : dev) ~ PSEUDO || !point(name, dev)) return
      if (F == "inodes") { if (at_[3] ~ /^[0-9]+$/ && at_[1] > 0) inodes[name] = at_[3] }
      else { nmounts++; told[name] = 1; row[dev] = nmounts; device[nmounts] = dev; size[nmounts] = at_[1]; free[nmounts] = at_[3] < 0 ? 0 : at_[3]; where[nmounts] = name }
    }
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
  } else if (S == "boot") {
    if (F == "grubenv") { if (/^saved_entry=/) say("saved " value($0)) }
    else if (F == "grub.cfg") {
      if (/^[ \t]*menuentry /) entry = 1
      else if (entry && $1 ~ /^linux(16|efi)?$/ && match($2, /vmlinuz-.*/)) { entry = 0; if (++nentries < 13) say("entry " substr($2, RSTART + 8)) }
    } else say($0)
  }
  else if (S == "modules") {
    if ($NF ~ /^\(.+\)$/) say("out-of-tree " $1)
    if ($1 == "nvidia") say("gpu yes")
    if ($1 ~ /^AliSec/) say("security-agent " $1)
    loaded[++nloaded] = $1
  }
  else if (S == "repositories") ini($0)
  else if (S == "fstab") {
    if ($1 == "line") { wanted[tolower(substr($2, 1, index($2, "=") - 1))] = 1; say($0) }
    else { name = $2; sub(/\/.*/, "", name); if ($1 != "link" || name in wanted) say($0) }
  } else if (S == "cron") { if ($0 !~ /^[ \t]*(#|$)/ && $0 !~ /^(SHELL|PATH|MAILTO|HOME|RANDOM_DELAY|START_HOURS_RANGE)=/) say(F ": " $0) }
  else if (S == "programs") {
    if (F == "owner") { if ($1 == "owner") owned = 1; else if (sub(/^file /, "") && sub(/ is not owned by any package$/, "")) { unowned[$0] = 1; owned = 1 } }
    else if (F == "" && $1 == "elf") elf[++nelf] = $2
    else if (F == "") { if (NF) say($0) }
    else if (/^ExecStart=/ && /python/ && !/python3/) say("python " F)
  } else if (S == "state") {
    if (F == "") say($0)
    else if (F == "config") { if (/^SELINUX=/) say("selinux " value($0)) }
    else if (F ~ /^ifcfg-eth/) { if (/^HWADDR=/ && value($0) != "") say("pin " F) }
    else if (F ~ /[.]rules$/) { if (/^[ \t]*[^# \t]/) pinned = 1 }
    else if (F ~ /[.]conf$/) ini($0)
    else if (F ~ /[.]module$/) { if (/^state=enabled/) say("module " substr(F, 1, length(F) - 7)) }
    else if (tolower($0) ~ /^[ \t]*(export +)?(https?|all)_proxy *=/ && value($0) != "") { if (!(F in proxied)) { proxied[F] = 1; say("proxy " F) } }
  }
  else if (S == "more") {
    if (F == "links") { if (/^l.* -> \//) say("link /" $(NF - 2) " -> " $NF) }
    else if (F == "") say($0)
    else if (F == "cmdline") say("arguments " $0)
    else if (F == "crypttab") { if (/^[ \t]*[^# \t]/) say("crypt " $1) }
    else if (F == "versionlock.conf") ini($0)
    else if (F == "versionlock.list") { if (locking && /^[ \t]*[^# \t]/) lock[++nlocks] = "versionlock: " $0 }
    else if (F == "sshd_config") { name = tolower($1); if (name == "match") matching = 1; else if (name == "permitrootlogin" && !matching && !root_++) say("root-login " $2) }
    else if (match($0, /pam_[a-z0-9_]+[.]so/) && $0 !~ /^[ \t]*#/) { name = substr($0, RSTART, RLENGTH); if (!(name in pam)) { pam[name] = 1; pams = pams " " name } }
  }
  else if (S == "health") {
    if (F == "findmnt") { if (/^[^ \t]/) target = $0; else if (/\[E\]/) { sub(/^[ \t]*\[E\] */, ""); say("error " target ": " $0) } }
    else if (F == "mount") { if (/^mount/) say("error " $0) }
    else if (F == "clock") { if (match($0, /synchronized: (yes|no)/)) say("clock " $NF) }
    else say($0)
  } else if (S == "checksums") { say((length($1) == 64 ? $1 : "-") " " F) }
  else if (S == "check") say(substr($0, 2))
  else say($0)
}
function read_file(path,  line) {
  PATH = path; F = path; sub(/.*\//, "", F)
  while ((getline line < path) > 0) { sub(/\r$/, "", line); $0 = line; handle() }
  close(path)
  settled()
  F = ""
  if (nincluded) read_file(include[nincluded--])
}
BEGIN {
  CHOSEN = "^(httpd|nginx|tengine|openresty|haproxy|keepalived|squid|vsftpd|bind|postfix|dovecot|samba|nfs-utils|mariadb|redis[0-9]*|valkey[0-9]*" \
    "|memcached|rabbitmq-server" \
    "|elasticsearch|php[0-9]*w?(-fpm|-common)?|python(2|3|3[0-9]+)?|nodejs|golang|ruby|perl|java-[0-9.]+-openjdk(-headless)?|tomcat|docker(-ce)?" \
    "|containerd[.]io|kubelet|zabbix-agent|openssl|openssh-server|glibc|gcc|epel-release|cloud-init|kernel(-core|-ml|-lt|-rt)?|btrfs-progs|(yum|python3-dnf)-plugin-versionlock)$"
  SERVER = "^(rh-[a-z0-9]+-)?(mysql|mariadb|percona|postgresql|mongodb|greatsql).*-server(-[0-9.]+|-minimal|-debug)?$"
  PSEUDO = "^((dev)?tmp|squash|root|ram|sys|ns|auto|au|rpc_pipe)fs$|^(overlay|proc|cgroup2?|devpts|shm|none|udev|iso9660|fuse[.]lxcfs|fusectl|/dev/loop[0-9]+)$"
  print "replank-probe 1 linux"
}
NR == 1 { K = $0; next }
$1 != K { handle(); next }
$2 == "begin" { S = $3; F = ""; kept = dropped = used = 0; sections++
  cap = S == "packages" ? 5200 : S == "services" || S == "fstab" ? 3600 : S == "checksums" ? 4000 : 2200
  widest = S == "fstab" || S == "more" ? 700 : 240
  print "@" S; next }
$2 == "part" { F = substr($0, length(K) + 7); next }
$2 == "file" { read_file(substr($0, length(K) + 7)); next }
$2 == "odd" { dropped++; next }
$2 == "rc" { rc = $3; flush(); if (dropped) print "@cut " S " " kept " " kept + dropped; print "@rc " rc }
END { print "@end " sections }
'
