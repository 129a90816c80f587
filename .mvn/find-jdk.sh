# Sourced by ./mvnw and ./consilium: points JAVA_HOME at a JDK 25, or says in one line what was looked for and stops.
#
# Looks at JAVA_HOME, JDK_25 and JAVA_25_HOME, the java on PATH, then where systems and version managers keep their
# JVMs. A JDK is known by its "release" file and its javac, so that nothing has to be started to find it.

consilium_wanted=25

# consilium_is_jdk DIR: true if DIR holds the wanted JDK with a compiler.
consilium_is_jdk() {
  [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] && [ -r "$1/release" ] &&
    grep -q "^JAVA_VERSION=\"$consilium_wanted[.\"-]" "$1/release"
}

# consilium_java_on_path: prints the home of the java on PATH, links resolved; nothing if there is none.
consilium_java_on_path() {
  consilium_java=$(command -v java) || return 0
  consilium_java=$(readlink -f "$consilium_java" 2>/dev/null || printf '%s' "$consilium_java")
  dirname "$(dirname "$consilium_java")"
}

consilium_find_jdk() {
  for consilium_home in "${JAVA_HOME-}" "${JDK_25-}" "${JAVA_25_HOME-}" "$(consilium_java_on_path)"; do
    if [ -n "$consilium_home" ] && consilium_is_jdk "$consilium_home"; then
      JAVA_HOME=$consilium_home
      return 0
    fi
  done
  set +f # the wrapper turns globbing off
  for consilium_home in /usr/lib/jvm/* /usr/java/* /usr/local/lib/jvm/* /usr/local/java/* /opt/java/* /opt/jdk* /opt/*jdk* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home "${HOME-}"/Library/Java/JavaVirtualMachines/*/Contents/Home \
    /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
    "${HOME-}"/.sdkman/candidates/java/* "${HOME-}"/.jdks/* "${HOME-}"/.asdf/installs/java/* \
    "${HOME-}"/.local/share/mise/installs/java/* "${HOME-}"/.m2/jdks/*; do
    if consilium_is_jdk "$consilium_home"; then
      JAVA_HOME=$consilium_home
      return 0
    fi
  done
  return 1
}

consilium_find_jdk || {
  echo "No JDK $consilium_wanted found: looked at JAVA_HOME, JDK_25, JAVA_25_HOME, the java on PATH, /usr/lib/jvm, /usr/java, /opt, /Library/Java, Homebrew, SDKMAN, ~/.jdks, asdf and mise. Install one (https://adoptium.net/temurin/releases/?version=25, or your system's openjdk-25-jdk) or point JAVA_HOME at it." >&2
  exit 1
}
export JAVA_HOME
