"""One room per question: its model beside its pages."""
