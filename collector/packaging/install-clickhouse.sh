#!/bin/sh
# Fetches the ClickHouse engine for `[clickhouse] url = "embedded"`: 178 MB packed, 566 MB on disk. Not needed with a server of your
# own. Usage: install-clickhouse.sh [FOLDER]; the default is where the installed binary looks.
set -eu

version=26.7.3-stable.1
folder=${1:-/usr/local/lib/vitalscope}
case $(uname -m) in
x86_64)
    package=@chdb/lib-linux-x64-gnu
    # Of the vendor's package, as the tests of this version have seen it.
    sha512=5cff7b98caa7739b59a4a432c11f0dedc2d3b073624e61ebdf4a42e66ce8de35a6ba48ca9f62016bad1cd81fe059435cb858ce3235a8a2b408082a81563e70a7
    ;;
aarch64)
    package=@chdb/lib-linux-arm64-gnu
    sha512=
    ;;
*)
    echo "the vendor has no engine for $(uname -m): use a ClickHouse server, [clickhouse] url = \"http://HOST:8123\"" >&2
    exit 1
    ;;
esac
command -v npm >/dev/null || {
    echo "needs npm to fetch $package (Debian: apt-get install npm), or use a ClickHouse server of your own" >&2
    exit 1
}
mkdir -p "$folder"
work=$(mktemp -d "$folder/incoming.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "fetching $package $version"
(cd "$work" && npm pack --silent "$package@$version" >/dev/null)
if [ -n "$sha512" ] && ! echo "$sha512  $(echo "$work"/*.tgz)" | sha512sum -c --quiet -; then
    echo "$package $version is not what it was: nothing installed" >&2
    exit 1
fi
tar -xzf "$work"/*.tgz -C "$work" package/libchdb.so
chmod 755 "$work/package/libchdb.so"
mv "$work/package/libchdb.so" "$folder/libchdb.so"
echo "installed $folder/libchdb.so"
