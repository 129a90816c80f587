#!/bin/bash
# Runs Jlama (from Maven Central) and Consilium without its native kernels on the same synthetic model, in turns, and prints the
# medians and how many times Jlama's rate Consilium reaches.
#
#   bench/jlama.sh [-t THREADS] [-r ROUNDS] [-o RAW] [-n]
#
# The model is `consilium synth --arch mixtral`, small: Mixtral is the only mixture of experts that Jlama knows. Each engine gets it in
# 4 bits by its own quantiser (Jlama: Q4 weights, I8 activations; Consilium: Q4_0) and computes 512 tokens of prompt and 128 more.
# -n: also Jlama with its native library.
# The models stay in bench/target/jlama (0.9 GB; 3.7 while they are made). RAW gets a line for each measurement: engine, test, value.
# Where Linux shares processors among sessions first (kernel.sched_autogroup_enabled), each run is one of its own with the highest
# priority, if that is allowed.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.8.4 threads=2 rounds=3 raw= native=

usage() { sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; exit 2; }
fail() { echo "bench/jlama.sh: $*" >&2; exit 1; }
number() { case $2 in '' | *[!0-9]* | 0*) fail "$1 $2: want a number above 0" ;; esac }

while getopts t:r:o:n option; do
  case $option in
    t) number -t "$OPTARG"; threads=$OPTARG ;;
    r) number -r "$OPTARG"; rounds=$OPTARG ;;
    o) raw=$OPTARG ;;
    n) native=yes ;;
    *) usage ;;
  esac
done
[ $# -lt "$OPTIND" ] || usage
command -v setsid >/dev/null || fail "no setsid here: this runs on Linux"
. ./.mvn/find-jdk.sh
work=$PWD/bench/target/jlama
mkdir -p "$work"
[ -n "$raw" ] || raw=$work/raw
: > "$raw" || fail "cannot write $raw"

start= # "alone" as soon as it counts

# alone COMMAND...: in a session of its own, first in the queue.
alone() {
  setsid -w bash -c '{ echo -20 > /proc/self/autogroup; renice -n -20 $$; } >/dev/null 2>&1; exec "$@"' alone "$@"
}

# resolve NAME DEPENDENCY...: writes the class path of Jlama and more to $work/NAME.
resolve() {
  name=$1
  shift
  cat > "$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.consilium</groupId>
  <artifactId>jlama-runner</artifactId>
  <version>0</version>
  <dependencies>
    <dependency><groupId>com.github.tjake</groupId><artifactId>jlama-core</artifactId><version>$version</version></dependency>
    $*
  </dependencies>
</project>
POM
  ./mvnw -q --batch-mode -f "$work/pom.xml" -Dmdep.outputFile="$work/$name.new" \
    org.apache.maven.plugins:maven-dependency-plugin:3.11.0:build-classpath >"$work/maven.log" 2>&1 || {
    grep -m 3 'ERROR\|rror:\|cannot\|not found' "$work/maven.log" >&2 || tail -n 3 "$work/maven.log" >&2
    fail "Maven could not get Jlama $version from Maven Central: is there a network? All it said: $work/maven.log"
  }
  mv "$work/$name.new" "$work/$name"
}

# jlama CLASSPATH ARGS...: bench/Jlama.java, with the options of Jlama's own start script that matter for speed.
jlama() {
  classes=$1
  shift
  $start "$JAVA_HOME/bin/java" --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    --add-opens=jdk.incubator.vector/jdk.incubator.vector=ALL-UNNAMED --add-exports=java.base/sun.nio.ch=ALL-UNNAMED \
    -Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0 -XX:+AlignVector -cp "$classes" bench/Jlama.java "$@"
}

make_models() {
  making=$work/making
  rm -rf "$making"
  mkdir "$making"
  ./consilium synth "$making/bf16.gguf" --arch mixtral --size small --type bf16
  ./consilium quantize "$making/bf16.gguf" "$making/q4_0.gguf" --type q4_0
  echo "quantising for Jlama" >&2
  { jlama "$ours:$java_only" export "$making/bf16.gguf" "$making/hf" &&
    jlama "$java_only:$ours" quantize "$making/hf" "$making/jlama-q4"; } >"$work/jlama.log" 2>&1 ||
    { tail -n 20 "$work/jlama.log" >&2; fail "cannot make the model for Jlama. All it said: $work/jlama.log"; }
  rm -rf "$making/bf16.gguf" "$making/hf" "$work/models"
  mv "$making" "$work/models"
}

# measure ENGINE COMMAND...: a line in RAW for each line "test value" of the command.
measure() {
  engine=$1
  shift
  "$@" 2>"$work/$engine.log" | awk -v engine="$engine" '{ print engine, $0 }' >> "$raw" ||
    { tail -n 20 "$work/$engine.log" >&2; fail "$engine failed; all it said: $work/$engine.log"; }
}

consilium_rates() {
  JDK_JAVA_OPTIONS=-Dconsilium.native=off $start ./consilium bench "$work/models/q4_0.gguf" -t "$threads" -p 512 -n 128 -r 3 --warm-up 8 |
    awk '/^ +(pp|tg)[0-9]/ { name = substr($0, 1, 22); gsub(/ /, "", name); split(substr($0, 23), rates, " "); print name, rates[1] }'
}

resolve java-only
java_only=$(cat "$work/java-only")
if [ -n "$native" ]; then
  resolve with-native "<dependency><groupId>com.github.tjake</groupId><artifactId>jlama-native</artifactId><version>$version</version>
    <classifier>linux-$(uname -m | sed s/aarch64/aarch_64/)</classifier></dependency>"
  with_native=$(cat "$work/with-native")
fi
./consilium --version >/dev/null # builds what is not built
ours=$PWD/cli/target/dist/lib/*
[ -d "$work/models" ] || make_models

start=alone
for round in $(seq "$rounds"); do
  echo "round $round of $rounds" >&2
  measure jlama jlama "$java_only:$ours" run "$work/models/jlama-q4" "$threads" 3
  measure consilium consilium_rates
  [ -z "$native" ] || measure jlama-native jlama "$with_native:$ours" run "$work/models/jlama-q4" "$threads" 3
done

awk '
  { n = ++count[$1, $2]; value[$1, $2, n] = $3 + 0 }
  function median(engine, test,   n, i, j, t, v) {
    n = count[engine, test]
    if (!n) return 0
    for (i = 1; i <= n; i++) v[i] = value[engine, test, i]
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
  }
  function cell(x) { return x ? sprintf("%.1f", x) : "-" }
  END {
    printf "| test | Jlama, Java only | Consilium, Java only | times Jlama | Jlama with its native library |\n|---|---|---|---|---|\n"
    split("pp512 tg128", tests, " ")
    for (k = 1; k <= 2; k++) {
      test = tests[k]; j = median("jlama", test); c = median("consilium", test)
      if (!j || !c) { print "no figures of " test > "/dev/stderr"; bad = 1; continue }
      printf "| %s | %s | %s | %.1f | %s |\n", test, cell(j), cell(c), c / j, cell(median("jlama-native", test))
    }
    exit bad
  }' "$raw"
