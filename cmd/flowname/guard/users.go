package guard

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// ErrNoUsers is a file without any.
var ErrNoUsers = errors.New("no users in it")

// maxRemembered is how many right pairs are remembered.
const maxRemembered = 1 << 12

// Users are who may ask. All methods may be called by several goroutines.
type Users struct {
	path string

	mu     sync.Mutex
	hashes map[string][]byte
	right  map[[sha256.Size]byte]bool
}

// LoadUsers reads a file of users.
func LoadUsers(path string) (*Users, error) {
	u := &Users{path: path}
	return u, u.Reload()
}

// Reload reads the file anew. When it fails, the users stay as they were.
func (u *Users) Reload() error {
	b, err := os.ReadFile(u.path)
	if err != nil {
		return err
	}
	hashes := map[string][]byte{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, hash, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return fmt.Errorf("%s: line %d: want NAME:HASH, as htpasswd -B writes it", u.path, n)
		}
		if _, err := bcrypt.Cost([]byte(hash)); err != nil {
			return fmt.Errorf("%s: line %d: the hash of %s is not bcrypt's: write it with htpasswd -B", u.path, n, name)
		}
		hashes[name] = []byte(hash)
	}
	switch {
	case lines.Err() != nil:
		return fmt.Errorf("%s: %w", u.path, lines.Err())
	case len(hashes) == 0:
		return fmt.Errorf("%s: %w", u.path, ErrNoUsers)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hashes, u.right = hashes, map[[sha256.Size]byte]bool{}
	return nil
}

// nobody is the hash that an unknown name is compared with, so that it takes as
// long as a known one.
var nobody = []byte("$2a$10$oHmIc0jSqxgoTUIaMoSyI.mFI4WzdK9jcpjljCb0Ku6ag5wkG7/Ha")

// Right says whether the pair is that of a user.
func (u *Users) Right(name, password string) bool {
	pair := sha256.Sum256([]byte(name + ":" + password))
	u.mu.Lock()
	hash, known := u.hashes[name]
	remembered := u.right[pair]
	u.mu.Unlock()
	if remembered {
		return true
	}
	if !known {
		hash = nobody
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || !known {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !bytes.Equal(u.hashes[name], hash) {
		return true // the file has changed since; the next request sees it
	}
	if len(u.right) >= maxRemembered {
		clear(u.right)
	}
	u.right[pair] = true
	return true
}
