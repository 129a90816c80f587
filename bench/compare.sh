#!/bin/bash
# Runs llama.cpp, ik_llama.cpp and Consilium on the same GGUF files, in turns, and prints the medians and how many times the better of the
# two Consilium reaches.
#
#   LLAMA_CPP=DIR IK_LLAMA_CPP=DIR bench/compare.sh [-t THREADS] [-r ROUNDS] [-o RAW] [-s SET] MODEL.gguf...
#
# DIR holds llama-bench and llama-batched-bench. SET is one, batch, depth, java or load; without -s: one, batch and depth.
#   one    pp512 and tg128
#   batch  64 tokens of 4, 8, 16 and 32 sequences together, after 128 tokens each
#   depth  32 tokens after 128 and after 4096
#   java   as one, with Consilium's native kernels switched off
#   load   seconds from the start of the process to its first token, and its peak memory; weights in memory of its own, not mapped; the file
#          is in the page cache
#
# RAW gets a line for each measurement: engine, model, test, value. Weights lie in anonymous memory in every engine. Where Linux shares
# processors among sessions first (kernel.sched_autogroup_enabled), each run is one of its own with the highest priority, if that is allowed.
set -eu
launcher=$(dirname "$0")/../consilium # no change of directory: paths that are given may be relative
threads=2 rounds=3 raw=$(mktemp) sets=

usage() { sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; exit 2; }
fail() { echo "bench/compare.sh: $*" >&2; exit 1; }
number() { case $2 in '' | *[!0-9]* | 0*) fail "$1 $2: want a number above 0" ;; esac }

while getopts t:r:o:s: option; do
  case $option in
    t) number -t "$OPTARG"; threads=$OPTARG ;;
    r) number -r "$OPTARG"; rounds=$OPTARG ;;
    o) raw=$OPTARG ;;
    s) sets="$sets $OPTARG" ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage
for set in $sets; do
  case $set in one | batch | depth | java | load) ;; *) fail "-s $set: want one, batch, depth, java or load" ;; esac
done
for program in "${LLAMA_CPP:?directory with llama-bench}/llama-bench" "${IK_LLAMA_CPP:?directory with llama-bench}/llama-bench"; do
  [ -x "$program" ] || fail "$program is no program: LLAMA_CPP and IK_LLAMA_CPP name the directories of two builds"
done
for file; do
  [ -f "$file" ] || fail "$file does not exist: consilium synth makes models"
done

# alone COMMAND...: in a session of its own, first in the queue.
alone() {
  setsid -w bash -c '{ echo -20 > /proc/self/autogroup; renice -n -20 $$; } >/dev/null 2>&1; exec "$@"' alone "$@"
}

# measured COMMAND...: alone; a command that fails is no measurement, and this says so whatever becomes of its output.
exec 3>&2
measured() { alone "$@" || echo "bench/compare.sh: this failed: $*" >&3; }

note() { printf '%s %s %s %s\n' "$1" "$model" "$2" "$3" >> "$raw"; }

# llama_bench ENGINE DIR ARGS...: a line for each test of llama-bench.
llama_bench() {
  engine=$1 program=$2/llama-bench
  shift 2
  measured "$program" -m "$file" -t "$threads" -r 3 "$@" 2>/dev/null |
    awk -F'|' '/ (pp|tg)[0-9]/ { split($(NF - 1), rate, " "); name = $(NF - 2); gsub(/ /, "", name); print name, rate[1] }' |
    while read -r name rate; do
      note "$engine" "$(echo "$name" | sed 's/@pp/@d/')" "$rate"
    done
}

# batched_bench ENGINE DIR: a line for each number of sequences.
batched_bench() {
  measured "$2/llama-batched-bench" -m "$file" -t "$threads" -tb "$threads" -c 8192 -b 2048 -ub 512 -npp 128 -ntg 64 -npl 4,8,16,32 --no-mmap 2>&1 |
    awk -F'|' '/^\| +128 / { print $4 + 0, $9 + 0 }' |
    while read -r sequences rate; do note "$1" "tg64x$sequences@d128" "$rate"; done
}

# consilium ENGINE ARGS...: a line for each test of consilium bench.
consilium() {
  engine=$1
  shift
  measured "$launcher" bench "$file" -t "$threads" -r 3 "$@" 2>/dev/null |
    awk '/^ +(pp|tg)[0-9]/ { name = substr($0, 1, 22); gsub(/ /, "", name); split(substr($0, 23), rates, " "); print name, rates[1] }' |
    while read -r name rate; do note "$engine" "$name" "$rate"; done
}

# Puts the file into the page cache, and touches as much memory as an engine will: a virtual machine's host may have taken it back, and who
# touches it first would wait for it.
warm_up_memory() {
  cat "$file" >/dev/null
  bytes=$(awk -v file="$(stat -L -c %s "$file")" '/^MemAvailable/ { most = $2 * 512; printf "%.0f", 2 * file < most ? 2 * file : most }' /proc/meminfo)
  head -c "$bytes" /dev/zero | tail -c "$bytes" >/dev/null
}

# loading ENGINE COMMAND...: seconds and kilobytes of a process that computes one token.
loading() {
  engine=$1
  shift
  warm_up_memory
  # A command that fails is no measurement; time says first that it did.
  figures=$(alone /usr/bin/time -f 'took %e %M' "$@" 2>&1 </dev/null |
    awk '/^Command exited|^Command terminated|cannot run/ { failed = 1 } /^took/ && !failed { print $2, $3 }')
  [ -n "$figures" ] || { echo "bench/compare.sh: this failed: $*" >&2; return 0; }
  note "$engine" load-seconds "${figures% *}"
  note "$engine" load-peak-mb "$((${figures#* } / 1024))"
}

run_set() {
  case $1 in
    one)
      llama_bench llama.cpp "$LLAMA_CPP" -p 512 -n 128 -lm none
      llama_bench ik_llama.cpp "$IK_LLAMA_CPP" -p 512 -n 128 -mmp 0
      consilium consilium -p 512 -n 128
      ;;
    batch)
      batched_bench llama.cpp "$LLAMA_CPP"
      batched_bench ik_llama.cpp "$IK_LLAMA_CPP"
      consilium consilium -p 0 -n 64 -b 4,8,16,32 -d 128
      ;;
    depth)
      llama_bench llama.cpp "$LLAMA_CPP" -p 0 -n 32 -d 128,4096 -lm none
      llama_bench ik_llama.cpp "$IK_LLAMA_CPP" -p 0 -n 0 -gp 128,32 -gp 4096,32 -mmp 0
      consilium consilium -p 0 -n 32 -d 128,4096
      ;;
    java)
      llama_bench ik_llama.cpp "$IK_LLAMA_CPP" -p 512 -n 128 -mmp 0
      JDK_JAVA_OPTIONS=-Dconsilium.native=off consilium consilium-java -p 512 -n 128
      ;;
    load)
      loading llama.cpp "$LLAMA_CPP/llama-completion" -m "$file" -t "$threads" -c 1024 -n 1 -p a -no-cnv --no-warmup --no-mmap
      loading consilium "$launcher" bench "$file" -t "$threads" --load-only
      ;;
  esac
}

: > "$raw"
for file; do
  model=$(basename "$file" .gguf)
  for round in $(seq "$rounds"); do
    for set in ${sets:-one batch depth}; do
      echo "$model, $set, round $round of $rounds" >&2
      run_set "$set"
    done
  done
done

awk '
  { key = $2 " " $3; if (!(key in seen)) { seen[key] = 1; order[++keys] = key }
    n = ++count[key, $1]; value[key, $1, n] = $4 + 0 }
  function median(key, engine,   n, i, j, t, v) {
    n = count[key, engine]
    if (!n) return 0
    for (i = 1; i <= n; i++) v[i] = value[key, engine, i]
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
  }
  function cell(x) { return x ? sprintf("%.1f", x) : "-" }
  END {
    printf "| model | test | llama.cpp | ik_llama.cpp | Consilium | of the better |\n|---|---|---|---|---|---|\n"
    for (k = 1; k <= keys; k++) {
      key = order[k]
      l = median(key, "llama.cpp"); i = median(key, "ik_llama.cpp"); c = median(key, "consilium") + median(key, "consilium-java")
      better = key ~ /load/ ? (l && (!i || l < i) ? l : i) : (l > i ? l : i)
      split(key, name, " ")
      printf "| %s | %s | %s | %s | %s | %s |\n", name[1], name[2], cell(l), cell(i), cell(c), better ? sprintf("%.2f", c / better) : "-"
    }
  }' "$raw"
