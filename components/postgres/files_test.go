package postgres

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/internal/kube"
	"github.com/scalestack/scalestack/components/k8s"
)

func TestVolumeSettingsEndWithTheWholeVolume(t *testing.T) {
	text := volumeSettings((&Args{Storage: Storage{Size: "10Gi"}}).withDefaults())
	lines := strings.Split(strings.TrimSpace(text), "\n")
	require.Len(t, lines, 5*4, "1, 2, 4, 8 and 10 GiB")
	require.Equal(t, "0 min_wal_size = '80MB'", lines[0])
	require.Equal(t, []string{
		"9437184 min_wal_size = '256MB'",
		"9437184 max_wal_size = '1024MB'",
		"9437184 max_slot_wal_keep_size = '2560MB'",
		"9437184 temp_file_limit = '1048576kB'",
	}, lines[16:])
	for _, one := range tuning((&Args{Storage: Storage{Size: "10Gi"}}).withDefaults()).volumeSettings() {
		require.Contains(t, serverConfig((&Args{}).withDefaults()), one.line())
		require.Contains(t, text, "9437184 "+one.line())
	}
}

// The checksum is on the pod template. This one is that of the release
// before startup.sh.
func TestWhatOnlyTheNextStartNeedsRestartsNothing(t *testing.T) {
	files := restartingFiles(testPlan(nil))
	require.Equal(t, "a280ac49e80cfc03824fafd4f83eaf92c01e1777fb837f1baa87ec535463d644", kube.Sum(files["bootstrap.sh"], files["pg_hba.conf"], files["postgresql.conf"]))
	require.NotEqual(t, files, mountedFiles(testPlan(nil)))
}

func TestIncludesAreRefused(t *testing.T) {
	for _, name := range []string{"include", "include_dir", "include_if_exists"} {
		args := &Args{Shards: []int{0}, Settings: map[string]string{name: "/tmp/x"}}
		require.EqualError(t, args.Validate(), "settings."+name+": Forbidden: is decided by the component")
	}
}

// withDisk makes df report a volume of that many KiB.
func (s *shard) withDisk(kib string) {
	s.write("disk/df", fmt.Sprintf("#!/bin/sh\necho 'Filesystem 1024-blocks Used'\necho '/dev/x %s 1'\n", kib))
	require.NoError(s.t, os.Chmod(s.at("disk/df"), 0o755))
	if !strings.HasPrefix(s.path, s.at("disk")) {
		s.path = s.at("disk") + ":" + s.path
	}
}

// Storage.Size is 100Gi here. The volume grows later, or not at all.
func TestTheServerAsksForNoMoreThanTheVolumeHas(t *testing.T) {
	s := newShard(t)
	s.configure(&Args{Resources: k8s.Resources{Memory: "256Mi"}, MaxConnections: 20, Storage: Storage{Size: "100Gi"}})
	for _, tc := range []struct{ kib, wal, slots, temp string }{
		{"10218772", "816MB", "2GB", "819MB"}, // 10Gi with ext4: as 8Gi
		{"103081248", "10GB", "25GB", "10GB"}, // 100Gi with ext4
		{"999999999", "10GB", "25GB", "10GB"}, // more than asked for
		{"500000", "128MB", "256MB", "102MB"}, // less than the least
		{"unknown", "128MB", "256MB", "102MB"},
		{"", "128MB", "256MB", "102MB"},
	} {
		s.withDisk(tc.kib)
		s.requireBootstrap()
		s.start()
		require.Equal(t, []string{tc.wal, tc.slots, tc.temp}, []string{
			s.query("postgres", "admin-1", "SHOW max_wal_size"),
			s.query("postgres", "admin-1", "SHOW max_slot_wal_keep_size"),
			s.query("postgres", "admin-1", "SHOW temp_file_limit"),
		}, tc.kib)
		s.end(syscall.SIGINT)
	}
}
