using Rehost.Model;

namespace Rehost.Transfer.Tests;

public sealed class PieceCrewTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void PiecesAreHandedOverInOrderAndOnce(int workers)
    {
        var order = new List<long>();
        var random = new Random(1);
        var delays = Enumerable.Range(0, 500).Select(_ => random.Next(200)).ToArray();
        PieceCrew.Run(Plan(500), workers, piece => Thread.SpinWait(delays[piece.Index] * 100), piece => order.Add(piece.Range.Offset), CancellationToken.None);
        Assert.Equal(Enumerable.Range(0, 500).Select(i => (long)i), order);
    }

    [Fact]
    public void FewPiecesAreUnderWayWhateverTheDisk()
    {
        var buffers = new HashSet<Piece>(ReferenceEqualityComparer.Instance);
        using var slow = new ManualResetEventSlim();
        var handed = 0;
        PieceCrew.Run(Plan(2000), 3, piece =>
        {
            lock (buffers)
            {
                buffers.Add(piece);
            }

            if (piece.Index == 0)
            {
                // The others run ahead as far as they may.
                slow.Wait(TimeSpan.FromMilliseconds(200));
            }
        }, _ => handed++, CancellationToken.None);
        Assert.Equal(2000, handed);
        Assert.InRange(buffers.Count, 1, 3 * 8 + 3);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TheFailureNearestToTheStartIsToldOnce(bool inOrder)
    {
        for (var round = 0; round < 20; round++)
        {
            var handed = 0L;
            var error = Assert.Throws<InvalidDataException>(() => PieceCrew.Run(Plan(200), 4, piece =>
            {
                if (piece.Index is 40 or 41 or 42)
                {
                    // The nearest one comes last.
                    Thread.Sleep(piece.Index == 40 ? 5 : 0);
                    throw new InvalidDataException($"{piece.Index}");
                }
            }, inOrder ? piece => handed = piece.Index + 1 : null, CancellationToken.None));
            Assert.Equal("40", error.Message);
            Assert.Equal(inOrder ? 40 : 0, handed);
        }
    }

    [Fact]
    public void AFailureOfTheHandOverStopsEverybody()
    {
        var error = Assert.Throws<InvalidDataException>(() => PieceCrew.Run(Plan(100_000), 4, _ => { }, piece =>
        {
            if (piece.Index == 100)
            {
                throw new InvalidDataException("full");
            }
        }, CancellationToken.None));
        Assert.Equal("full", error.Message);
    }

    [Fact]
    public void CancellingWakesThoseWhoWait()
    {
        using var cancel = new CancellationTokenSource();
        var done = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => PieceCrew.Run(Plan(long.MaxValue), 4, piece =>
        {
            if (Interlocked.Increment(ref done) == 50)
            {
                cancel.Cancel();
            }
        }, _ => Thread.Sleep(1), cancel.Token));
        Assert.InRange(done, 50, 200);
    }

    [Fact]
    public void ADiskOfNoPiecesIsDone() => PieceCrew.Run([], 2, _ => Assert.Fail("nothing to do"), null, CancellationToken.None);

    private static IEnumerable<Piece.Plan> Plan(long count)
    {
        for (var i = 0L; i < count; i++)
        {
            yield return new Piece.Plan(new ByteRange(i, 1), IsZero: false);
        }
    }
}
