# Completion of ./mentator in fish. Read it in: ./mentator --print-completion-script fish | source

function __mentator
    set -l words (commandline --tokenize --cut-at-cursor) (commandline --current-token --cut-at-cursor)
    # The program that is being typed answers, as there may be several checkouts.
    set -l program (string replace --regex '^~' $HOME -- $words[1])
    $program --complete -- $words[2..-1] 2>/dev/null
end

# File names where the program has no answer.
complete --command mentator --condition 'test (count (__mentator)) -gt 0' --no-files --arguments '(__mentator)'
