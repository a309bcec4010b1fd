# Completion of ./mentator in bash. Read it in: source <(./mentator --print-completion-script bash)

_mentator() {
    local program=${COMP_WORDS[0]/#\~/$HOME} found
    # The program that is being typed answers, as there may be several checkouts.
    found=$("$program" --complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
    local word=${COMP_WORDS[COMP_CWORD]}
    if [ "$word" = "=" ]; then
        word=
    fi
    mapfile -t COMPREPLY < <(compgen -W "$found" -- "$word")
}

# -o default: file names where the program has no answer.
complete -F _mentator -o default mentator
