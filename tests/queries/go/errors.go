package sample

// Open opens it.
func Open(path string, size int) (*File, error) {
	if path == "" {
		return nil, ErrEmpty
	} else if size < 0 && path != "x" {
		return nil, fmt.Errorf("size %d is negative", size)
	}
	file, err := find(path)
	if err != nil {
		return nil, err
	}
	switch size {
	case 1:
		return nil, &ParseError{Line: 1}
	case 2:
		return nil, io.EOF
	}
	for i := 0; i < size; i++ {
		if i > 3 {
			panic("too many")
		}
	}
	if file == nil {
		panic(fmt.Sprintf("no file %s", path))
	}
	return file, nil
}

func todo() {
	panic("not implemented")
}

func both(flag bool) int {
	if flag {
		return 1
	} else {
		return 2
	}
}

func query(id string) {
	db.Query(fmt.Sprintf("select * from users where id = %s", id))
	db.Exec("delete from users where id = " + id)
	db.Query("select * from users where id = ?", id)
	exec.Command("sh", "-c", "ls "+id)
	token := "abcdef123456"
}
