package volumes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/mount-utils"
	"k8s.io/utils/exec"
)

// xfs is the one file system of disks. ext4 cannot grow while it is mounted without
// CAP_SYS_RESOURCE, which a lab in a container may not have.
const xfs = "xfs"

// smallest is the least that mkfs.xfs of xfsprogs 6.1 makes.
const smallest = 300 << 20

// disk is a volume with a file system of its own.
type disk struct{ folder string }

// image is the file that holds it.
func (d disk) image() string { return filepath.Join(d.folder, "image") }

func (d disk) mounted() string { return filepath.Join(d.folder, "mounted") }

// data is only there while the disk is mounted: a server that found an empty folder in
// its place would begin anew.
func (d disk) data() string { return filepath.Join(d.mounted(), "data") }

// make can be repeated.
func (d disk) make(bytes int64) error {
	if bytes < smallest {
		return fmt.Errorf("%d bytes are too few: %s takes at least %d", bytes, xfs, smallest)
	}
	if err := os.MkdirAll(d.mounted(), 0o755); err != nil {
		return err
	}
	image, err := os.OpenFile(d.image(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(image.Truncate(bytes), image.Close()); err != nil {
		return err
	}
	if err := d.mount(); err != nil {
		return err
	}
	return os.MkdirAll(d.data(), 0o770)
}

// mount makes the file system where there is none yet.
func (d disk) mount() error {
	mounter := &mount.SafeFormatAndMount{Interface: mount.New(""), Exec: exec.New()}
	if there, err := mounter.IsMountPoint(d.mounted()); err != nil || there {
		return err
	}
	return mounter.FormatAndMount(d.image(), d.mounted(), xfs, []string{"loop"})
}

// unmount is right for what is not mounted too. The loop device goes with the mount.
func (d disk) unmount() error {
	mounter := mount.New("")
	there, err := mounter.IsMountPoint(d.mounted())
	if errors.Is(err, fs.ErrNotExist) || err == nil && !there {
		return nil
	}
	if err != nil {
		return err
	}
	return mounter.Unmount(d.mounted())
}

func (d disk) grow(bytes int64) error {
	if err := os.Truncate(d.image(), bytes); err != nil {
		return err
	}
	output, err := exec.New().Command("losetup", "--noheadings", "--output", "NAME", "--associated", d.image()).CombinedOutput()
	device := strings.TrimSpace(string(output))
	if err != nil || device == "" {
		return fmt.Errorf("%s is not mounted: losetup: %w: %s", d.image(), err, device)
	}
	if output, err := exec.New().Command("losetup", "--set-capacity", device).CombinedOutput(); err != nil {
		return fmt.Errorf("losetup --set-capacity %s: %w: %s", device, err, output)
	}
	_, err = mount.NewResizeFs(exec.New()).Resize(device, d.mounted())
	return err
}
