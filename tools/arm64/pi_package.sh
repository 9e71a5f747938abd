#!/bin/sh
# A package called python3-picamera2, as only Raspberry Pi OS has one, in a repository on this disk: empty but for its name,
# so that it can be seen whether the installer takes it from apt and the reader's environment finds it there.
set -eu
mkdir -p /proof/repo /tmp/pi/DEBIAN /tmp/pi/usr/lib/python3/dist-packages
cat > /tmp/pi/DEBIAN/control <<END
Package: python3-picamera2
Version: 0.3.99
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: stands for Raspberry Pi OS's package
END
cat > /tmp/pi/usr/lib/python3/dist-packages/picamera2.py <<END
class Picamera2:
    @staticmethod
    def global_camera_info():
        return []
END
dpkg-deb --build /tmp/pi /proof/repo/picamera2.deb > /dev/null
cd /proof/repo
{
    cat /tmp/pi/DEBIAN/control
    echo "Filename: ./picamera2.deb"
    echo "Size: $(stat -c %s picamera2.deb)"
    echo "SHA256: $(sha256sum picamera2.deb | cut -d ' ' -f 1)"
} > Packages
echo 'deb [trusted=yes] file:/proof/repo ./' > /etc/apt/sources.list
apt-get update -qq
