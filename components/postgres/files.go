package postgres

import (
	"fmt"
	"maps"
	"strings"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/sharding/owner"
)

// startupConfig is on the volume, where startup.sh writes it before each start.
const startupConfig = volumePath + "/startup.conf"

// restartingFiles are what a server has to be restarted for when it changes.
func restartingFiles(p plan) map[string]string {
	files := map[string]string{
		"postgresql.conf": serverConfig(p.Args),
		"pg_hba.conf":     hostLines(p.Args, hba),
		"bootstrap.sh":    bootstrapScript,
		"server.sh":       serverScript,
	}
	if p.replicated() {
		files = memberFiles(p)
	} else {
		// Nobody looks at it while a single server runs.
		files[ownerFile] = owner.SQL
	}
	files["lock.sh"] = lockScript
	return addRestore(p, files)
}

// mountedFiles are what the pod finds in configPath. What they have beyond
// restartingFiles takes effect whenever the server starts next.
func mountedFiles(p plan) map[string]string {
	files := restartingFiles(p)
	files[ownerFile] = owner.SQL
	first := startupScript + tlsPrepare(p.Args)
	if p.replicated() {
		files["prepare.sh"], files["prepare.py"] = first+prepareScript, prepareProgram
		files["apiserver.py"], files["members.py"], files["datadir.py"] = apiServerProgram, membersProgram, dataDirProgram
		files["rest.py"], files["restart.py"], files["limit.py"] = restProgram, restartProgram, limitProgram
		files["replicator.py"], files["crashed.py"] = replicatorProgram, crashedProgram
	} else if p.Backup != nil {
		files["bootstrap.sh"] = first + restoreScript + files["bootstrap.sh"]
	} else {
		files["bootstrap.sh"] = first + files["bootstrap.sh"]
	}
	if p.TLS != nil {
		files["tls.sh"] = tlsScript(p.Args)
	}
	if p.TLS != nil && p.replicated() {
		files["trust.py"] = trustProgram
	}
	if (p.TLS != nil || p.PasswordRotation > 0) && p.replicated() {
		files["reload.py"] = reloadProgram
	}
	if p.Backup != nil {
		maps.Copy(files, backupFiles(p))
	}
	files["postgresql.conf"] += setting{"include_if_exists", startupConfig}.line()
	files["volume-settings"] = volumeSettings(p.Args)
	return files
}

// volumeSettings tells startup.sh what to set on volumes of which size, since the
// volume may be smaller than Storage.Size: it grows some time after the claim, and
// with some storage drivers only when the pod has stopped. Each line is the least
// size in KiB and a setting. A file system is a little smaller than its volume.
func volumeSettings(a *Args) string {
	var text strings.Builder
	memory, _ := serverMemoryOf(a)
	disk, _ := k8s.Bytes(a.Storage.Size)
	for i, size := range sizesUpTo(disk) {
		least := size / 10 * 9 / kiB
		if i == 0 {
			least = 0
		}
		for _, one := range Tune(memory, size, a.MaxConnections).volumeSettings() {
			fmt.Fprintf(&text, "%d %s", least, one.line())
		}
	}
	return text.String()
}

// sizesUpTo doubles from 1Gi to below disk and ends with disk itself.
func sizesUpTo(disk int64) []int64 {
	var sizes []int64
	for size := giB; size < disk; size *= 2 {
		sizes = append(sizes, size)
	}
	return append(sizes, disk)
}
