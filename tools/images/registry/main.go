// Command registry is a private registry for tests, in memory and on a loopback
// address. It holds one image, of an OCI archive and with a layer of its own, so that
// no node has all of it already, and prints its name by digest once it serves:
//
//	registry --archive users.tar --repository shop/users --user reader --password …
package main

import (
	"archive/tar"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func main() {
	archive := flag.String("archive", "", "OCI archive with the image")
	repository := flag.String("repository", "test/image", "path of the image")
	user := flag.String("user", "reader", "who may read and write")
	password := flag.String("password", "", "the user's password")
	flag.Parse()
	if err := run(*archive, *repository, authn.Basic{Username: *user, Password: *password}); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

func run(archive, repository string, login authn.Basic) error {
	if login.Password == "" {
		return errors.New("password: required")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: private(registry.New(registry.Logger(log.New(io.Discard, "", 0))), login), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	ref, err := publish(archive, listener.Addr().String()+"/"+repository, &login)
	if err != nil {
		return err
	}
	fmt.Println(ref)
	return <-served
}

// publish pushes the archive's image. The folder with its layers is needed for that alone.
func publish(archive, repository string, login authn.Authenticator) (name.Digest, error) {
	folder, err := os.MkdirTemp("", "registry-")
	if err != nil {
		return name.Digest{}, err
	}
	defer os.RemoveAll(folder)
	image, err := read(archive, folder)
	if err != nil {
		return name.Digest{}, fmt.Errorf("archive %s: %w", archive, err)
	}
	return push(repository, image, login)
}

// private asks for the login, as a registry without a token service does.
func private(next http.Handler, login authn.Basic) http.Handler {
	equal := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if !equal(user, login.Username) || !equal(password, login.Password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func push(repository string, image v1.Image, login authn.Authenticator) (name.Digest, error) {
	digest, err := image.Digest()
	if err != nil {
		return name.Digest{}, err
	}
	ref, err := name.NewDigest(repository + "@" + digest.String())
	if err != nil {
		return name.Digest{}, err
	}
	return ref, remote.Write(ref, image, remote.WithAuth(login))
}

// read returns the archive's first image with a layer that no other image has.
func read(archive, folder string) (v1.Image, error) {
	if err := unpack(archive, folder); err != nil {
		return nil, err
	}
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) == 0 {
		return nil, errors.New("there is no image in it")
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return nil, err
	}
	layer, err := random.Layer(1024, types.OCILayer)
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, layer)
}

func unpack(archive, folder string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case header.Typeflag != tar.TypeReg || !filepath.IsLocal(header.Name):
			continue
		}
		if err := write(filepath.Join(folder, header.Name), reader); err != nil {
			return err
		}
	}
}

func write(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}
