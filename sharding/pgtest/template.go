package pgtest

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stretchr/testify/require"
)

// TemplateVariable names a folder, which is created if necessary: the first server's
// data folder is kept there and copied for every other one, which takes a tenth of the
// time of initdb. Without it each server runs initdb.
const TemplateVariable = "SCALESTACK_TEST_TEMPLATE"

// initialise makes the data folder.
func (s *Server) initialise() {
	template := os.Getenv(TemplateVariable)
	if template == "" {
		s.initdb(s.data())
		return
	}
	if _, err := os.Stat(template); errors.Is(err, fs.ErrNotExist) {
		s.makeTemplate(template)
	}
	s.mustRun("cp", "-R", template, s.data())
	require.NoError(s.t, renew(s.data()))
}

// makeTemplate renames a whole folder, so that another process sees all of it or nothing.
func (s *Server) makeTemplate(template string) {
	s.t.Helper()
	made := s.data() + ".template"
	s.initdb(made)
	err := os.Rename(made, template)
	if _, exists := os.Stat(template); exists != nil {
		require.NoError(s.t, err)
	}
	require.NoError(s.t, os.RemoveAll(made))
}

// Offsets in PostgreSQL's files, fixed since release 9.3: ControlFileData begins
// with the system identifier, and XLogLongPageHeaderData has it after 24 bytes.
const (
	controlOffset = 0
	logOffset     = 24
)

var errControl = errors.New("pg_control has no checksum where one is expected")

// renew gives a copy its own system identifier, as initdb would: PostgreSQL tells
// servers apart by it, and so does a mover.
func renew(data string) error {
	identifier := make([]byte, 8)
	_, _ = rand.Read(identifier)
	identifier[7] &= 0x7f
	control := filepath.Join(data, "global", "pg_control")
	content, err := os.ReadFile(control)
	if err != nil {
		return err
	}
	checksum := checksumOffset(content)
	if checksum < 0 {
		return errControl
	}
	copy(content[controlOffset:], identifier)
	binary.LittleEndian.PutUint32(content[checksum:], crc32.Checksum(content[:checksum], castagnoli))
	if err := os.WriteFile(control, content, 0o600); err != nil {
		return err
	}
	segments, err := filepath.Glob(filepath.Join(data, "pg_wal", "0*"))
	for _, segment := range segments {
		err = errors.Join(err, writeAt(segment, logOffset, identifier))
	}
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksumOffset finds the checksum of the bytes before it, -1 if there is none.
func checksumOffset(content []byte) int {
	for at := 8; at+4 <= min(len(content), 512); at += 4 {
		if crc32.Checksum(content[:at], castagnoli) == binary.LittleEndian.Uint32(content[at:]) {
			return at
		}
	}
	return -1
}

func writeAt(file string, offset int64, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, offset)
	return errors.Join(err, f.Close())
}
