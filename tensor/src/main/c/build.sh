#!/bin/sh
# build.sh DIRECTORY: compiles the kernels to DIRECTORY/<os>-<arch>/libconsilium-kernels.so, if there is a C compiler (CC, cc, gcc
# or clang). Without one the build goes on: the kernels in Java give the same numbers, slower.
set -eu
cd "$(dirname "$0")"
os=$(uname -s | tr '[:upper:]' '[:lower:]')
arch=$(uname -m)
case $arch in
  amd64) arch=x86_64 ;;
  arm64) arch=aarch64 ;;
esac
directory=$1/$os-$arch
library=$directory/libconsilium-kernels.so

compiler=
for name in "${CC-}" cc gcc clang; do # CC may have arguments
  if command -v "${name%% *}" >/dev/null 2>&1; then
    compiler=$name
    break
  fi
done
if [ -z "$compiler" ]; then
  echo "No C compiler (CC, cc, gcc, clang): building without the native kernels; models will be computed more slowly." >&2
  exit 0
fi
if [ -f "$library" ] && [ -z "$(find . -newer "$library" -type f -print | head -n 1)" ]; then
  exit 0
fi
mkdir -p "$directory"
# No -march: each file asks for its instructions itself. No contraction: every operation rounds as it is written.
if ! $compiler -std=gnu11 -O3 -ffp-contract=off -fno-math-errno -fPIC -shared -fvisibility=hidden -Wall -Wextra -o "$library.part" ./*.c; then
  rm -f "$library.part" "$library"
  echo "$compiler cannot compile the native kernels: building without; models will be computed more slowly." >&2
  exit 0
fi
mv "$library.part" "$library"
