#!/bin/bash
# Shows that llama.cpp reads what Consilium writes: converts the models and tokenizers of testkit/fixtures to GGUF, has llama.cpp compute
# and tokenize with the files, and compares with what the reference implementations computed.
#
#   LLAMA_CPP=DIR bench/interop.sh
#
# DIR is build/bin of llama.cpp's source, built with shared libraries (its default). Prints a line for each model, type and tokenizer;
# fails if one is not as expected. Needs a C compiler.
set -euo pipefail
fail() { echo "bench/interop.sh: $*" >&2; exit 1; }

[ $# -eq 0 ] || { sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; exit 2; }
libraries=$(cd "${LLAMA_CPP:?directory with libllama.so}" && pwd)
source=$(cd "$libraries/../.." && pwd)
[ -f "$source/include/llama.h" ] || fail "$source has no include/llama.h: LLAMA_CPP names build/bin in llama.cpp's source"
cd "$(dirname "$0")/.."
. ./.mvn/find-jdk.sh
work=$PWD/bench/target/interop
mkdir -p "$work"
${CC:-cc} -O1 -Wall -Wextra -I"$source/include" -I"$source/ggml/include" bench/llama.c -o "$work/llama" \
  -L"$libraries" -lllama -lggml -lggml-base -Wl,-rpath,"$libraries"
./consilium --version >/dev/null # builds what is not built
"$JAVA_HOME/bin/java" --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED -cp "$PWD/cli/target/dist/lib/*" bench/Interop.java \
  "$work/llama" testkit/fixtures "$work"
