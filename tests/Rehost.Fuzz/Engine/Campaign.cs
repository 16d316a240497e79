using System.Diagnostics;

namespace Rehost.Fuzz.Engine;

/// <summary>Executes one target with mutated samples for a time or a number of executions.</summary>
internal sealed class Campaign(FuzzTarget target, int seed, string? findings, string? corpusDirectory)
{
    private const int MostEntries = 1500;
    private const int MostFindings = 40;
    private readonly Random _random = new(seed);
    private readonly List<CorpusEntry> _corpus = [];
    private readonly Dictionary<byte[], HotPlaces> _hot = [];
    private readonly HashSet<long> _features = [];
    private readonly SortedSet<string> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Finding> _found = new(StringComparer.Ordinal);
    private readonly ImageBuffer _buffer = new();
    private readonly HotPlaces _everywhere = new();
    private int _seeds;
    private TimeSpan _start;

    /// <summary>The texts of what was found, by key.</summary>
    public Dictionary<string, Fault> Faults { get; } = new(StringComparer.Ordinal);

    /// <summary>Runs until the processor time or the executions are used up: on a busy machine, time that passes says nothing.</summary>
    public CampaignResult Run(TimeSpan duration, long executions, CaptureFile? capture, Watchdog? watchdog, Action<CampaignResult>? onProgress = null)
    {
        using var executor = new Executor(target);
        watchdog?.Begin();
        Prepare(executor, capture, watchdog);
        var watch = Stopwatch.StartNew();
        _start = ThreadClock.Now();
        var told = TimeSpan.Zero;
        var binary = new BinaryMutator(target, _random);
        var text = new TextMutator(target, _random);
        long done = 0;
        for (; done < executions && ThreadClock.Now() - _start < duration; done++)
        {
            var from = _corpus[_random.Next(_random.Next(3) == 0 ? _seeds : _corpus.Count)];
            from.LoadInto(_buffer);
            if (target.IsText)
            {
                text.Mutate(_buffer, _corpus);
            }
            else
            {
                binary.Mutate(_buffer, _hot.GetValueOrDefault(from.Base, _everywhere), _corpus);
            }

            if (_random.Next(16) != 0)
            {
                target.Seal?.Invoke(_buffer);
            }

            var entry = _buffer.IsLarge ? CorpusEntry.Of(from, _buffer) : null;
            var small = _buffer.IsLarge ? null : _buffer.ToArray();
            watchdog?.Begin();
            capture?.Put(_buffer);
            var outcome = executor.Execute(_buffer, seed);
            capture?.NoteEdits(_buffer);
            _ids.UnionWith(outcome.Ids);
            if (outcome.Fault is { } fault)
            {
                Keep(executor, fault, () => small ?? entry?.ToArray() ?? []);
            }
            else if (IsNew(outcome) && _corpus.Count < MostEntries)
            {
                entry ??= new CorpusEntry(small ?? []);
                _corpus.Add(entry);
                Save(small);
            }

            if (onProgress is not null && watch.Elapsed - told > TimeSpan.FromSeconds(5))
            {
                told = watch.Elapsed;
                onProgress(Result(done + 1, watch.Elapsed));
            }
        }

        return Result(done, watch.Elapsed);
    }

    private CampaignResult Result(long done, TimeSpan elapsed) => new()
    {
        Target = target.Name,
        Executions = done,
        Seconds = elapsed.TotalSeconds,
        ProcessorSeconds = (ThreadClock.Now() - _start).TotalSeconds,
        Seeds = _seeds,
        Corpus = _corpus.Count,
        Ids = [.. _ids],
        Findings = [.. _found.Values],
    };

    /// <summary>Makes the samples, looks where they are read, and takes what earlier runs found worth keeping.</summary>
    private void Prepare(Executor executor, CaptureFile? capture, Watchdog? watchdog)
    {
        using var room = new SeedRoom();
        foreach (var sample in target.Seeds(room))
        {
            var entry = new CorpusEntry(sample.Content);
            var hot = new HotPlaces();
            entry.LoadInto(_buffer);
            watchdog?.Begin();
            capture?.Put(_buffer);
            var outcome = executor.Execute(_buffer, seed, hot);
            capture?.NoteEdits(_buffer);
            if (outcome.Fault is { } fault)
            {
                Keep(executor, fault with { Key = fault.Key }, () => sample.Content);
            }

            IsNew(outcome);
            hot.Settle(sample.Content);
            _ids.UnionWith(outcome.Ids);
            _hot[sample.Content] = hot;
            _corpus.Add(entry);
        }

        _seeds = _corpus.Count;
        if (_seeds == 0)
        {
            throw new InvalidOperationException($"{target.Name} has no samples");
        }

        foreach (var path in corpusDirectory is not null && Directory.Exists(Kept) ? Directory.GetFiles(Kept).Order(StringComparer.Ordinal).Take(MostEntries) : [])
        {
            _corpus.Add(new CorpusEntry(InputFile.Read(path)));
        }
    }

    private string Kept => Path.Combine(corpusDirectory ?? "", target.Name);

    private bool IsNew(Outcome outcome)
    {
        var before = _features.Count;
        _features.UnionWith(outcome.Features);
        return _features.Count > before;
    }

    // Large ones are made again from the samples; nobody wants gigabytes of them.
    private void Save(byte[]? content)
    {
        if (corpusDirectory is not null && content is not null)
        {
            InputFile.Write(Kept, InputFile.NameOf(Convert.ToHexString(content)), content);
        }
    }

    private void Keep(Executor executor, Fault fault, Func<byte[]> input)
    {
        if (_found.TryGetValue(fault.Key, out var known))
        {
            _found[fault.Key] = known with { Count = known.Count + 1 };
            return;
        }

        if (_found.Count >= MostFindings)
        {
            return;
        }

        Faults[fault.Key] = fault;
        var file = "";
        if (findings is not null)
        {
            var smallest = new Minimiser(target, executor, seed).Minimise(input(), fault.Key);
            var directory = Path.Combine(findings, target.Name);
            file = InputFile.Write(directory, InputFile.NameOf(fault.Key), smallest);
            File.WriteAllText(file + ".txt", $"{target.Name}\n{fault.Key}\n\n{fault.Text}\n");
        }

        _found[fault.Key] = new Finding(target.Name, fault.Key, file, 1);
    }
}
