package credentials

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	_, _, err := Read(folder)
	require.ErrorContains(t, err, "username: no such file or directory")

	write("username", "app\n")
	write("password", "")
	_, _, err = Read(folder)
	require.ErrorContains(t, err, "password is empty")

	write("password", " with space \n")
	user, password, err := Read(folder)
	require.NoError(t, err)
	require.Equal(t, "app", user)
	require.Equal(t, " with space ", password)
}
