# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# An apt of our own beside the system's, to be sourced after common.sh; expects $here. It reads the
# user's own Debian mirror, for another suite or architecture: the system's apt is not touched and
# no privilege is needed.
# shellcheck disable=SC2154  # here

private_apt() { # DIR NUMBER SUITE ARCHITECTURE [TYPE]: fails when there is no NUMBERth source entry
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/empty"
    : >"$1/status"
    /usr/bin/python3 "$here/apt_source.py" "$2" "$3" "${5:-deb}" >"$1/socle.sources" || return 1
    cat >"$1/apt.conf" <<CONF
Dir::Etc::SourceList "$1/socle.sources";
Dir::Etc::SourceParts "$1/empty";
Dir::Etc::Preferences "$1/none";
Dir::Etc::PreferencesParts "$1/empty";
Dir::State "$1";
Dir::State::Lists "$1/lists";
Dir::State::Status "$1/status";
Dir::Cache "$1/cache";
APT::Architecture "$4";
#clear APT::Architectures;
APT::Architectures { "$4"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::Contents-deb;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
}

need_apt() { # WHAT ADVICE
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        say "$1 from Debian's packages, and this system has no apt-get." >&2
        say "$2" >&2
        exit 1
    fi
}
