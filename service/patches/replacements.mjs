// What is changed in node-llama-cpp's file, and why: a table, applied by apply.mjs.

/**
 * Milliseconds for which the addon may go on by itself: what it chooses meanwhile reaches the client in one
 * packet anyway (`TOGETHER_MSEC` of src/http/event-stream.ts).
 */
const MSEC = 40;

/** Methods of `LlamaContextSequence`. */
const OF_SEQUENCE = `
    _mentatorSignal = undefined;
    /** mentator: the place of the answer's last token, as far as it is known. */
    _mentatorEnd = Infinity;
    /** mentator: what waits in the queue is taken out of it; what was computed of it is kept. */
    async _mentatorWithdraw(signal) {
        this._context._ctx.mentatorHurry?.();
        await withLock([this._context, "context"], () => { // mentator: between two batches, so no piece is half computed
            if (this._mentatorSignal !== signal) // mentator: the sequence is another request's by now
                return;
            for (const queued of this._context._queuedDecodes.filter((item) => item.sequenceId === this._sequenceId)) {
                const computed = queued.mentatorWhole.slice(0, queued.mentatorWhole.length - queued.tokens.length);
                this._contextTokens = this._contextTokens.concat(computed);
                this._nextTokenIndex += computed.length;
                this._context._dispatchErrorForQueuedDecodesAndDequeue(new Set([queued]), signal.reason);
            }
        });
    }
    /** mentator: takes over the first tokens of a sequence that may be computing: then it has cells beyond its list of tokens. */
    async _mentatorCopy(source, upTo) {
        this._context._ctx.mentatorHurry?.();
        return await withLock([this._context, "context"], async () => {
            const { _ctx } = this._context;
            const last = await _ctx.copySequenceStateFromOtherSequence(this._sequenceId, source._sequenceId);
            const count = Math.min(upTo, source._contextTokens.length);
            const whole = last >= count - 1 && (last < count || _ctx.removeTokenCellsFromSequence(this._sequenceId, count, -1));
            if (!whole)
                _ctx.disposeSequence(this._sequenceId);
            this._contextTokens = whole ? source._contextTokens.slice(0, count) : [];
            this._nextTokenIndex = this._contextTokens.length;
            return whole;
        });
    }
    /** mentator: what the addon chose and computed after this token, if it is what is wanted next. */
    _mentatorComputed(tokens, ahead) {
        if (tokens.length !== 1 || ahead.tokens.length === 0 || tokens[0] !== ahead.after || !ahead.wanted()) {
            ahead.tokens = [];
            return undefined;
        }
        this._mentatorSignal?.throwIfAborted();
        TokenMeter.useTokens(this._tokenMeter, 1, "output");
        this._contextTokens.push(ahead.after);
        this._nextTokenIndex += 1;
        return [ahead.take(ahead.tokens)];
    }
    /** mentator: tokens that may be chosen at once after the one at this place. */
    _mentatorMost(position) {
        return Math.max(1, Math.min(this._context.contextSize - 1, this._mentatorEnd) - position);
    }
`.slice(1);

/** Methods of `LlamaContext`. */
const OF_CONTEXT = `
    /** mentator: computes the batch; the addon chooses the next tokens of sequences whose sampler is known already. */
    async _mentatorDecode(actions) {
        const chosen = this._ctx.mentatorSteps == null ? [] : actions.filter(({queuedDecode, batchLogitIndexes}) => batchLogitIndexes.length === 1 && queuedDecode.logitDataMapper.mentatorSampler != null);
        const indexes = Uint32Array.from(chosen, ({batchLogitIndexes}) => batchLogitIndexes[0]);
        const samplers = chosen.map(({queuedDecode}) => queuedDecode.logitDataMapper.mentatorSampler());
        const most = Uint32Array.from(chosen, ({queuedDecode, sequenceStateLength}) => queuedDecode.logitDataMapper.mentatorMost(sequenceStateLength - 2));
        const tokens = await this._ctx.decodeBatch(indexes, samplers, most, this._queuedDecodes.length > 0 ? 0 : ${MSEC});
        for (const [index, action] of chosen.entries())
            action.mentatorChosen = tokens?.[index];
    }
`.slice(1);

export const REPLACEMENTS = [
    {
        // The sequences that were just decoded queue their next tokens in the microtasks and immediates that
        // follow, as does a new one that just got this lock to make its state fit.
        why: "wait for every sequence's next token before a batch is put together",
        from: `        void withLock([this, "context"], async () => {
            this._currentDispatchBatchHandle = {};
`,
        to: `        void withLock([this, "context"], async () => {
            await new Promise((resolve) => setImmediate(resolve)); // mentator: let every sequence queue its next token
            this._currentDispatchBatchHandle = {};
`
    },
    {
        // A sequence waits for this lock to forget a part of its state.
        why: "give back the lock between batches",
        from: `                        await decodeTokenBatchItems(currentBatchItems, currentBatchSize);
                        shouldHaveAnotherLoop = this._queuedDecodes.length > 0;
`,
        to: `                        await decodeTokenBatchItems(currentBatchItems, currentBatchSize);
                        shouldHaveAnotherLoop = false; // mentator: give the lock to who waits for it
                        if (this._queuedDecodes.length > 0)
                            this.dispatchPendingBatch();
`
    },
    {
        // llama.cpp computes sequences together only where their ids follow one another (llama_batch_allocr::split_equal).
        why: "order a batch by sequence id",
        from: `                return {
                    currentBatchItems,
                    currentBatchSize
                };
`,
        to: `                currentBatchItems.sort((a, b) => a.queuedDecode.sequenceId - b.queuedDecode.sequenceId); // mentator: only consecutive ids are computed together
                return {
                    currentBatchItems,
                    currentBatchSize
                };
`
    },
    {
        // The queue forgets the tokens that were computed as they are computed.
        why: "remember what a queued piece began as",
        from: `            this._queuedDecodes.push({
                sequenceId,
                tokens,
`,
        to: `            this._queuedDecodes.push({
                sequenceId,
                tokens,
                mentatorWhole: tokens,
`
    },
    {
        why: "let nothing of an aborted request into the queue",
        from: `            const generatedLogits = await this._context._decodeTokens({
`,
        to: `            this._mentatorSignal?.throwIfAborted();
            const generatedLogits = await this._context._decodeTokens({
`
    },
    {
        why: "take an aborted request out of the queue, and copy a sequence that others go on with",
        from: `    /**
     * Clear the history of the sequence.
     */
`,
        to: `${OF_SEQUENCE}    /**
     * Clear the history of the sequence.
     */
`
    },
    {
        // Each way from JavaScript to a thread and back costs as much as a tenth of a small model's computation.
        why: "let the addon choose tokens where it computes, and go on with them",
        from: `                        await this._ctx.decodeBatch();
`,
        to: `                        await this._mentatorDecode(afterDecodeActions);
`
    },
    {
        why: "let the addon's choice take the place of a sampled token",
        from: `                            : action.queuedDecode.logitDataMapper(batchLogitIndexes[i], tokenIndex + action.firstTokenIndex);
`,
        to: `                            : action.queuedDecode.logitDataMapper(batchLogitIndexes[i], tokenIndex + action.firstTokenIndex, action.mentatorChosen);
`
    },
    {
        why: "hand the addon's choice to who asked for it",
        from: `        const normalizedLogitDataMapper = (batchLogitIndex, contextStateTokenIndex) => {
            return logitDataMapper(batchLogitIndex, currentTokenIndex + (contextStateTokenIndex - this._nextTokenIndex));
        };
`,
        to: `        const normalizedLogitDataMapper = (batchLogitIndex, contextStateTokenIndex, mentatorChosen) => {
            if (mentatorChosen instanceof Error)
                throw mentatorChosen;
            if (mentatorChosen != null)
                return logitDataMapper.mentatorTake(mentatorChosen);
            return logitDataMapper(batchLogitIndex, currentTokenIndex + (contextStateTokenIndex - this._nextTokenIndex));
        };
        normalizedLogitDataMapper.mentatorSampler = logitDataMapper.mentatorSampler;
        normalizedLogitDataMapper.mentatorMost = logitDataMapper.mentatorMost;
`
    },
    {
        why: "keep what the addon chose beyond the next token",
        from: `        const sampler = new LlamaSampler(this.model);
        try {
            while (true) {
                this._ensureNotDisposed();
                const evaluatorLock = _skipLock
`,
        to: `        const sampler = new LlamaSampler(this.model);
        // mentator: several tokens at once only where no token changes how the next one is chosen
        const mentatorGrammar = () => grammarEvaluationState instanceof Function ? grammarEvaluationState() : grammarEvaluationState;
        const mentatorSteady = repeatPenalty == null && dryRepeatPenalty == null && tokenBias == null && !this.needsCheckpoints;
        const mentatorAhead = {
            tokens: [],
            after: undefined,
            wanted: () => mentatorGrammar() == null,
            take(tokens) {
                this.tokens = tokens;
                this.after = tokens.shift();
                return this.after;
            }
        };
        let mentatorConfigured = false;
        try {
            while (true) {
                this._ensureNotDisposed();
                const evaluatorLock = _skipLock
`
    },
    {
        why: "tell the addon how to choose",
        from: `                    const decodeResult = await this._decodeTokens(evalTokens, logitsArray, evaluationPriority, this._tokenMeter, contextShiftOptions, (batchLogitIndex) => {
                        if (_noSampling)
                            return null;
                        const samplerConfig = this._resolveSamplerConfig({
`,
        to: `                    const mentatorConfig = () => this._resolveSamplerConfig({
`
    },
    {
        why: "choose as the addon is told where it does not",
        from: `                        });
                        return withLock([sampler, "sample"], async () => {
                            if (sampler.disposed)
                                return null;
                            sampler.applyConfig(samplerConfig);
`,
        to: `                        });
                    const mentatorMapper = (batchLogitIndex) => {
                        if (_noSampling)
                            return null;
                        const samplerConfig = mentatorConfig();
                        return withLock([sampler, "sample"], async () => {
                            if (sampler.disposed)
                                return null;
                            sampler.applyConfig(samplerConfig);
`
    },
    {
        why: "take what the addon computed already",
        from: `                                return this._context._ctx.sampleToken(batchLogitIndex, sampler._sampler);
                        });
                    }, this._takeIntervalCheckpointIfNeededAfterBatch);
                    const lastDecodeResult = decodeResult[evalTokens.length - 1];
                    if (lastDecodeResult instanceof Array) {
                        const [token, probabilities, confidence] = lastDecodeResult;
                        nextToken = token;
`,
        to: `                                return this._context._ctx.sampleToken(batchLogitIndex, sampler._sampler);
                        });
                    };
                    if (!_noSampling && !sampleProbabilities && !sampleConfidence) {
                        mentatorMapper.mentatorSampler = () => {
                            if (!mentatorConfigured || !mentatorSteady || mentatorGrammar() != null)
                                sampler.applyConfig(mentatorConfig());
                            mentatorConfigured = mentatorSteady && mentatorGrammar() == null;
                            return sampler._sampler;
                        };
                        // nobody shall wait for the first token longer than it takes
                        mentatorMapper.mentatorMost = (position) => mentatorConfigured && mentatorAhead.after !== undefined ? this._mentatorMost(position) : 1;
                        mentatorMapper.mentatorTake = (tokens) => mentatorAhead.take(tokens);
                    }
                    const decodeResult = this._mentatorComputed(evalTokens, mentatorAhead) ??
                        await this._decodeTokens(evalTokens, logitsArray, evaluationPriority, this._tokenMeter, contextShiftOptions, mentatorMapper, this._takeIntervalCheckpointIfNeededAfterBatch);
                    const lastDecodeResult = decodeResult[evalTokens.length - 1];
                    if (lastDecodeResult instanceof Array) {
                        const [token, probabilities, confidence] = lastDecodeResult;
                        nextToken = token;
`
    },
    {
        why: "let nobody who queues a piece wait for what the addon goes on with",
        from: `            this._queuedDecodeSequenceIds.add(sequenceId);
            this._scheduleDecode();
`,
        to: `            this._queuedDecodeSequenceIds.add(sequenceId);
            this._ctx.mentatorHurry?.();
            this._scheduleDecode();
`
    },
    {
        why: "let nobody who changes a state wait for what the addon goes on with",
        from: `        this._ensureNotDisposed();
        let awaitEvaluationPromise;
`,
        to: `        this._ensureNotDisposed();
        this._context._ctx.mentatorHurry?.();
        let awaitEvaluationPromise;
`
    },
    {
        why: "compute and choose in one call",
        from: `    /** @internal */
    async _decodeTokens({ sequenceId, firstTokenSequenceIndex`,
        to: `${OF_CONTEXT}    /** @internal */
    async _decodeTokens({ sequenceId, firstTokenSequenceIndex`
    },
    {
        why: "let the service see that it is corrected",
        from: `export class LlamaContext {
`,
        to: `export class LlamaContext {
    static mentatorBatching = true;
`
    }
];
