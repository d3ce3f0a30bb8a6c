package credentials

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

	write("former", "before\nlong before\n")
	login, err := ReadLogin(folder)
	require.NoError(t, err)
	require.Equal(t, Login{User: "app", Password: " with space ", Former: []string{"before", "long before"}}, login)
	write("former", "")
	_, err = ReadLogin(folder)
	require.ErrorContains(t, err, "former is empty")
}

// The folder is replaced as the kubelet does it, again and again while it is read: a new
// version, the link, and the old version is deleted.
func TestUserAndPasswordAreOfOneVersion(t *testing.T) {
	folder := t.TempDir()
	turn := func(n int) {
		version := fmt.Sprint("..version_", n)
		require.NoError(t, os.Mkdir(filepath.Join(folder, version), 0o700))
		for _, name := range []string{"username", "password", "former"} {
			require.NoError(t, os.WriteFile(filepath.Join(folder, version, name), []byte(fmt.Sprint(n%2)), 0o600))
		}
		require.NoError(t, os.Symlink(version, filepath.Join(folder, "next")))
		require.NoError(t, os.Rename(filepath.Join(folder, "next"), filepath.Join(folder, current)))
		require.NoError(t, os.RemoveAll(filepath.Join(folder, fmt.Sprint("..version_", n-1))))
	}
	turn(0)
	for _, name := range []string{"username", "password"} {
		require.NoError(t, os.Symlink(filepath.Join(current, name), filepath.Join(folder, name)))
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond):
				turn(n)
			}
		}
	}()
	pairs := map[string]int{}
	for range 20_000 {
		login, err := ReadLogin(folder)
		require.NoError(t, err)
		pairs[login.User+login.Password+strings.Join(login.Former, "")]++
	}
	close(stop)
	<-stopped
	require.Len(t, pairs, 2, "%v", pairs)
	require.Positive(t, pairs["000"])
	require.Positive(t, pairs["111"])
}
