package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

type process struct {
	pid              int
	started          string
	name, spec, home string
	// leader tells the process that was started from the children that
	// inherited its environment.
	leader bool
}

// alive is false once the process ended, even if its number was given away.
func (p process) alive() bool {
	state, started := stat(p.pid)
	return started == p.started && state != "Z" && state != ""
}

func find(match func(process) bool) []process {
	var found []process
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if p, ok := read(pid); ok && match(p) && p.alive() {
			found = append(found, p)
		}
	}
	return found
}

func read(pid int) (process, bool) {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || !bytes.Contains(environ, []byte(markName+"=")) {
		return process{}, false
	}
	p := process{pid: pid}
	for _, entry := range strings.Split(string(environ), "\x00") {
		key, value, _ := strings.Cut(entry, "=")
		switch key {
		case markName:
			p.name = value
		case markSpec:
			p.spec = value
		case markHome:
			p.home = value
		}
	}
	_, p.started = stat(pid)
	p.leader = session(pid) == pid
	return p, true
}

// stat returns the state and the start time in clock ticks since boot, which
// together with the number identify a process.
func stat(pid int) (state, started string) {
	fields := statFields(pid)
	if len(fields) < 20 {
		return "", ""
	}
	return fields[0], fields[19]
}

func session(pid int) int {
	fields := statFields(pid)
	if len(fields) < 4 {
		return 0
	}
	id, _ := strconv.Atoi(fields[3])
	return id
}

// statFields are the fields of /proc/PID/stat from the third on: the second is
// a name in brackets that may hold spaces.
func statFields(pid int) []string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	end := bytes.LastIndexByte(content, ')')
	if end < 0 {
		return nil
	}
	return strings.Fields(string(content[end+1:]))
}
