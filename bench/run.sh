#!/bin/sh
# Builds the benchmarks and runs them. Arguments go to JMH: a pattern of names, -p threads=1, -f 1, -h ...
set -eu
cd "$(dirname "$0")/.."
. ./.mvn/find-jdk.sh
./mvnw -q -pl bench -am -DskipTests -Dmdep.outputFile=target/classpath compile dependency:build-classpath
exec "$JAVA_HOME/bin/java" --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
  -cp "bench/target/classes:$(cat bench/target/classpath)" org.openjdk.jmh.Main "$@"
